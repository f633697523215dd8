"""One file or folder for each controller: a pure plan, and a thin shell that carries it out."""
