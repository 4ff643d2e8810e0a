"""What is fed to every reader of data from outside: by hand with atheris, in the suite replayed."""
