/* A library with nothing in it, where only the file matters. */
int autodefend_empty;
