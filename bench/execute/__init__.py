"""Plan -> samples. In: a block and the seats of its treatments. Out: samples, progress events, the client's health. Imports no other stage."""
