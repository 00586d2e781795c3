"""What `bench doctor` looks at. In: this machine. Out: `Finding`s. Each file looks at one kind of thing and changes nothing."""
