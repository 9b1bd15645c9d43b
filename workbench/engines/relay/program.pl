# A relay (Perl 5): perl relay SOCKET PORT ARGV...
#
# Starts ARGV and passes every connection to the unix socket SOCKET on to 127.0.0.1:PORT, until ARGV ends; then ends in
# the same way. Signals are passed on to it. Runs inside containers: only modules of Debian's perl-base.

use strict;
use warnings;
use Errno qw(EAGAIN EINPROGRESS EINTR EWOULDBLOCK);
use POSIX qw(:sys_wait_h);
use Socket qw(:DEFAULT IPPROTO_TCP TCP_NODELAY);

use constant CHUNK => 65536;
my @PASSED_ON = qw(HUP INT QUIT TERM USR1 USR2 WINCH);
my ($path, $port, @argv) = @ARGV;
my %ends;    # by file number: fh, peer (file number), out, heard all, said all, coming

# The socket, made anew, for this account alone.
unlink $path;
socket(my $listener, PF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
my $mask = umask 0177;
bind($listener, sockaddr_un($path)) or die "$path: $!\n";
umask $mask;
listen($listener, 128) or die "listen: $!\n";
nonblocking($listener);

# A signal that comes before the look at what there is wakes it all the same.
pipe(my $bell, my $ring) or die "pipe: $!\n";
nonblocking($_) for $bell, $ring;
my ($child, @early) = (0);
for my $name (@PASSED_ON) {
    $SIG{$name} = sub { $child ? kill($name, $child) : push(@early, $name) };
}
$SIG{CHLD} = sub { syswrite $ring, '.' };
$SIG{PIPE} = 'IGNORE';

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
if (length $errno) {
    $! = $errno;
    print STDERR "$argv[0]: $!\n";
    unlink $path;
    POSIX::_exit($errno == POSIX::ENOENT() ? 127 : 126);
}

while (1) {
    if (waitpid($child, WNOHANG) == $child) {
        my $status = $?;
        unlink $path;
        if (my $number = $status & 127) {    # killed by a signal: so are we
            POSIX::sigaction($number, POSIX::SigAction->new('DEFAULT')) unless $number == 9;
            kill $number, $$;
            POSIX::_exit(128 + $number);
        }
        POSIX::_exit($status >> 8);
    }
    my ($r, $w) = ('', '');
    vec($r, fileno $_, 1) = 1 for $listener, $bell;
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
    accept_one() if vec $r, fileno $listener, 1;
    for my $number (keys %ends) {
        say_to($number)    if $ends{$number} && vec $w, $number, 1;
        hear_from($number) if $ends{$number} && vec $r, $number, 1;
    }
}

sub accept_one {
    accept(my $client, $listener) or return;
    nonblocking($client);
    socket(my $tool, PF_INET, SOCK_STREAM, 0) or return;
    nonblocking($tool);
    setsockopt $tool, IPPROTO_TCP, TCP_NODELAY, 1;
    my $coming = 0;
    if (!connect $tool, sockaddr_in($port, INADDR_LOOPBACK)) {
        return unless $! == EINPROGRESS;
        $coming = 1;
    }
    my ($one, $two) = (fileno $client, fileno $tool);
    $ends{$one} = { fh => $client, peer => $two, out => '', heard => 0, said => 0, coming => 0 };
    $ends{$two} = { fh => $tool,   peer => $one, out => '', heard => 0, said => 0, coming => $coming };
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
        return hang_up($number) if $error;
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
