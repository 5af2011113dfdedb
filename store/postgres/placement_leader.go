package postgres

import (
	"context"
	"time"
)

// placementLock is the advisory lock of whoever moves collections; any number that nothing else uses.
const placementLock = 5_246_004

// LeadPlacement runs fn unless another process of the database is running one: an index build takes a core and much
// memory, so there is one at a time. led tells whether fn ran. Two at once, after a lost connection, do no harm.
func (s *Store) LeadPlacement(ctx context.Context, fn func() error) (led bool, err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return false, translate(err)
	}
	defer conn.Release()
	// Of the session, not of a transaction: clearing a slot waits for the end of open transactions.
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, placementLock).Scan(&led); err != nil || !led {
		return false, translate(err)
	}
	defer func() {
		unlocking, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if _, err := conn.Exec(unlocking, `SELECT pg_advisory_unlock($1)`, placementLock); err != nil {
			_ = conn.Conn().Close(unlocking) // which lets go of the lock as well
		}
	}()
	return true, fn()
}
