"""What a run sees of its project: git, commits, and the files of a tree."""
