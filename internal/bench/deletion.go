package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// Deletion is what deleting a collection takes.
type Deletion struct {
	Chunks int     `json:"chunks"`
	Answer float64 `json:"answer_ms"` // of the call that deletes
	// Searches were begun after that answer; Found counts those that found something all the same.
	Searches int64 `json:"searches_afterwards"`
	Found    int64 `json:"found_afterwards"`
	// Sizes of the database: before the collection, with it, and on the way down. Empty without a database to ask.
	Empty  int64    `json:"empty_bytes,omitempty"`
	Loaded int64    `json:"loaded_bytes,omitempty"`
	Sizes  []SizeAt `json:"sizes,omitempty"`
}

// SizeAt is the database's size on disk so many seconds after the deletion.
type SizeAt struct {
	Seconds float64 `json:"seconds"`
	Bytes   int64   `json:"bytes"`
}

// watchSpace is how long the space is watched after a deletion.
const watchSpace = time.Minute

// returnedAll is from which share of the collection's space on all of it counts as returned: tables of all tenants keep
// some free pages.
const returnedAll = 0.98

// Returned is the share of the collection's space that the system has back, as of a size.
func (d *Deletion) Returned(bytes int64) float64 {
	return float64(d.Loaded-bytes) / float64(d.Loaded-d.Empty)
}

// Delete loads the largest tenant's collection, deletes it while a client searches in it, and watches the database
// shrink for a minute.
func (b *Bench) Delete(ctx context.Context) (*Deletion, error) {
	class := Class{Tenants: 1}
	for _, c := range b.cfg.Classes {
		class.Chunks = max(class.Chunks, c.Chunks)
	}
	d := &Deletion{Chunks: class.Chunks}
	var err error
	if d.Empty, err = b.databaseSize(ctx); err != nil {
		return nil, err
	}
	b.progress("loading a tenant with %d chunks", class.Chunks)
	subjects, err := b.createTenants(ctx, 1, class.Chunks)
	if err != nil {
		return nil, err
	}
	cells := b.cellsOf(class, subjects)
	if _, err := b.loadClass(ctx, class, subjects, cells); err != nil {
		return nil, err
	}
	b.progress("waiting for background work")
	if err := b.settle(ctx, subjects); err != nil {
		return nil, err
	}
	if d.Loaded, err = b.databaseSize(ctx); err != nil {
		return nil, err
	}
	b.progress("deleting the collection")
	deleted, err := b.deleteUnderSearch(ctx, cells[0], d)
	if err != nil || d.Loaded == 0 {
		return d, err
	}
	return d, b.watchSize(ctx, deleted, d)
}

// deleteUnderSearch deletes the collection of a cell while it is searched in, and returns when it was answered.
func (b *Bench) deleteUnderSearch(ctx context.Context, c *cell, d *Deletion) (deleted time.Time, err error) {
	s := c.queries[0].subject
	var answered atomic.Bool
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		var buffer bytes.Buffer
		for i := 0; d.Searches < int64(b.cfg.Rounds); i++ {
			after := answered.Load()
			_, err := b.ask(ctx, s, c.queries[i%len(c.queries)].body, &buffer)
			var refused *refusal
			switch {
			case err == nil && after:
				d.Found++
			case err == nil, errors.As(err, &refused) && refused.status == http.StatusNotFound:
			default:
				return err
			}
			if after {
				d.Searches++
			}
		}
		return nil
	})
	group.Go(func() error {
		started := time.Now()
		err := s.client.DeleteCollection(ctx, collection)
		deleted = time.Now()
		answered.Store(true)
		d.Answer = float64(deleted.Sub(started).Microseconds()) / 1000
		return err
	})
	return deleted, group.Wait()
}

// watchSize notes the database's size every second until all is returned or the time is over.
func (b *Bench) watchSize(ctx context.Context, deleted time.Time, d *Deletion) error {
	b.progress("watching the space")
	for {
		size, err := b.databaseSize(ctx)
		if err != nil {
			return err
		}
		passed := time.Since(deleted)
		d.Sizes = append(d.Sizes, SizeAt{passed.Seconds(), size})
		if passed > watchSpace || d.Returned(size) >= returnedAll {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// databaseSize is what the database takes on disk, in bytes; 0 where it is not known.
func (b *Bench) databaseSize(ctx context.Context) (size int64, err error) {
	if b.cfg.Deployment.DatabaseURL == "" {
		return 0, nil
	}
	conn, err := pgx.Connect(ctx, b.cfg.Deployment.DatabaseURL)
	if err != nil {
		return 0, fmt.Errorf("the database whose size is watched: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return size, conn.QueryRow(ctx, `SELECT pg_database_size(current_database())`).Scan(&size)
}
