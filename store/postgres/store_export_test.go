package postgres

import "github.com/jackc/pgx/v5/pgxpool"

// SearchPool are the connections of searches.
func (s *Store) SearchPool() *pgxpool.Pool { return s.searches }
