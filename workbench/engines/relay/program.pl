# A relay (Perl 5): perl relay - SOCKET PORT [SOCKET PORT...] -- ARGV...
#
# Starts ARGV and passes every connection to a unix socket SOCKET on to its PORT of this loopback, until ARGV ends; then
# ends in the same way. Signals are passed on to it. With UID:GID in place of `-` ARGV becomes this very process, and the
# relay goes on beside it, as that account. Runs inside containers: only modules of Debian's perl-base.

use strict;
use warnings;
use Errno qw(EAGAIN EINPROGRESS EINTR EWOULDBLOCK);
use POSIX qw(:sys_wait_h);
use Socket qw(:DEFAULT AF_INET6 IN6ADDR_LOOPBACK IPPROTO_TCP TCP_NODELAY pack_sockaddr_in pack_sockaddr_in6);

use constant CHUNK => 65536;
my @PASSED_ON = qw(HUP INT QUIT TERM USR1 USR2 WINCH);
my $account = shift @ARGV;
my (%offered, %listeners);    # ports by path; sockets and their ports by file number
while (@ARGV && $ARGV[0] ne '--') {
    my ($path, $port) = splice @ARGV, 0, 2;
    $offered{$path} = $port;
}
my @argv = @ARGV[ 1 .. $#ARGV ];
my %ends;    # by file number: fh, peer (file number), out, heard all, said all, coming, port (of an end to be tried again)

if ($account ne '-') {
    my $other = fork;
    die "fork: $!\n" unless defined $other;
    if ($other) {
        no warnings 'exec';
        exec { $argv[0] } @argv;
        give_up($! + 0);
    }
    POSIX::setsid();
    if ($< == 0) {
        my ($uid, $gid) = split /:/, $account;
        $) = "$gid $gid";
        POSIX::setgid($gid);
        POSIX::setuid($uid);
        die "setuid: $!\n" unless $< == $uid;
    }
}

# The sockets, made anew, for this account alone.
for my $path (keys %offered) {
    unlink $path;
    socket(my $listener, PF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
    my $mask = umask 0177;
    bind($listener, sockaddr_un($path)) or die "$path: $!\n";
    umask $mask;
    listen($listener, 128) or die "listen: $!\n";
    nonblocking($listener);
    $listeners{ fileno $listener } = [ $listener, $offered{$path} ];
}

# A signal that comes before the look at what there is wakes it all the same.
pipe(my $bell, my $ring) or die "pipe: $!\n";
nonblocking($_) for $bell, $ring;
my ($child, @early) = (0);
$SIG{PIPE} = 'IGNORE';
start() if $account eq '-';

while (1) {
    if ($child && waitpid($child, WNOHANG) == $child) {
        my $status = $?;
        unlink keys %offered;
        if (my $number = $status & 127) {    # killed by a signal: so are we
            POSIX::sigaction($number, POSIX::SigAction->new('DEFAULT')) unless $number == 9;
            kill $number, $$;
            POSIX::_exit(128 + $number);
        }
        POSIX::_exit($status >> 8);
    }
    my ($r, $w) = ('', '');
    vec($r, fileno $_, 1) = 1 for $bell, map { $_->[0] } values %listeners;
    for my $number (keys %ends) {
        my $end  = $ends{$number};
        my $peer = $ends{ $end->{peer} };
        # What the other end has not taken yet is waited for, so that nothing piles up here.
        vec($r, $number, 1) = 1 if !$end->{coming} && !$end->{heard} && length $peer->{out} < CHUNK;
        vec($w, $number, 1) = 1 if $end->{coming} || length $end->{out};
    }
    my $found = select $r, $w, undef, undef;
    next if $found < 0;
    sysread $bell, my $noise, CHUNK if vec $r, fileno $bell, 1;
    accept_one(@{ $listeners{$_} }) for grep { vec $r, $_, 1 } keys %listeners;
    for my $number (keys %ends) {
        say_to($number)    if $ends{$number} && vec $w, $number, 1;
        hear_from($number) if $ends{$number} && vec $r, $number, 1;
    }
}

sub start {
    for my $name (@PASSED_ON) {
        $SIG{$name} = sub { $child ? kill($name, $child) : push(@early, $name) };
    }
    $SIG{CHLD} = sub { syswrite $ring, '.' };
    pipe(my $report, my $failure) or die "pipe: $!\n";    # closed by a successful exec
    $child = fork;
    die "fork: $!\n" unless defined $child;
    if (!$child) {
        $SIG{$_} = 'DEFAULT' for @PASSED_ON, 'CHLD', 'PIPE';
        no warnings 'exec';
        exec { $argv[0] } @argv;
        syswrite $failure, $! + 0;
        POSIX::_exit(126);
    }
    close $failure;
    kill($_, $child) for @early;
    my $errno = '';
    while (!defined sysread($report, $errno, 16)) { last unless $! == EINTR }
    give_up($errno) if length $errno;
}

sub give_up {
    my ($errno) = @_;
    $! = $errno;
    print STDERR "$argv[0]: $!\n";
    unlink keys %offered if $account eq '-';
    POSIX::_exit($errno == POSIX::ENOENT() ? 127 : 126);
}

sub accept_one {
    my ($listener, $port) = @_;
    accept(my $client, $listener) or return;
    nonblocking($client);
    my $one = fileno $client;
    $ends{$one} = { fh => $client, peer => undef, out => '', heard => 0, said => 0, coming => 0 };
    reach($one, pack_sockaddr_in($port, INADDR_LOOPBACK), AF_INET, $port) or close delete($ends{$one})->{fh};
}

# Connects the other end of a client; `localhost` is either address, by what a program takes first.
sub reach {
    my ($one, $address, $family, $again) = @_;
    socket(my $tool, $family, SOCK_STREAM, 0) or return 0;
    nonblocking($tool);
    setsockopt $tool, IPPROTO_TCP, TCP_NODELAY, 1;
    my $coming = 0;
    if (!connect $tool, $address) {
        if ($! != EINPROGRESS) { return $again ? reach_other($one, $again) : 0 }
        $coming = 1;
    }
    my $two = fileno $tool;
    $ends{$one}{peer} = $two;
    $ends{$two} = { fh => $tool, peer => $one, out => '', heard => 0, said => 0, coming => $coming, port => $again };
    return 1;
}

sub reach_other {
    my ($one, $port) = @_;
    return reach($one, pack_sockaddr_in6($port, IN6ADDR_LOOPBACK), AF_INET6, 0);
}

sub hear_from {
    my ($number) = @_;
    my $end  = $ends{$number};
    my $peer = $ends{ $end->{peer} };
    my $got  = sysread $end->{fh}, $peer->{out}, CHUNK, length $peer->{out};
    if (!defined $got) {
        hang_up($number) unless $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;
        return;
    }
    $end->{heard} = 1 unless $got;
    say_to($end->{peer});
}

sub say_to {
    my ($number) = @_;
    my $end = $ends{$number};
    if ($end->{coming}) {
        my $error = unpack 'i', getsockopt($end->{fh}, SOL_SOCKET, SO_ERROR);
        return if $error == EINPROGRESS;
        return try_other($number) if $error;
        return unless getpeername $end->{fh};    # not yet
        $end->{coming} = 0;
    }
    if (length $end->{out}) {
        my $said = syswrite $end->{fh}, $end->{out};
        if (!defined $said) {
            hang_up($number) unless $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;
            return;
        }
        substr($end->{out}, 0, $said) = '';
    }
    my $peer = $ends{ $end->{peer} };
    if ($peer->{heard} && !length $end->{out} && !$end->{said}) {
        shutdown $end->{fh}, 1;
        $end->{said} = 1;
    }
    hang_up($number) if $end->{said} && $peer->{said};
}

# The tool does not listen on the first address: a client that waits is given the second.
sub try_other {
    my ($number) = @_;
    my $end  = $ends{$number};
    my $port = $end->{port} or return hang_up($number);
    my ($one, $out) = ($end->{peer}, $end->{out});
    close delete($ends{$number})->{fh};
    if (reach_other($one, $port)) {
        $ends{ $ends{$one}{peer} }{out} = $out;
    }
    else {
        close delete($ends{$one})->{fh};
    }
}

sub hang_up {
    my ($number) = @_;
    my $end  = delete $ends{$number} or return;
    my $peer = delete $ends{ $end->{peer} };
    close $_->{fh} for $end, $peer;
}

sub nonblocking {
    my ($handle) = @_;
    my $flags = fcntl($handle, POSIX::F_GETFL(), 0);
    fcntl($handle, POSIX::F_SETFL(), $flags | POSIX::O_NONBLOCK());
}
