package store

// Queued is how many wait for SQLite's one connection for writing.
func Queued(s *Store) int { return int(s.db.(*liteDB).writer.queue.Load()) }
