package store

// signal tells those who watch that something was stored.
func (s *Store) signal() {}
