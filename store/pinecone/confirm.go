package pinecone

import (
	"context"
	"fmt"
	"slices"

	"lindero/store"
	"lindero/tenant"
)

// confirm looks which acknowledged writes reads can see, and returns of how many entries they could not.
func (b *Backend) confirm(ctx context.Context, id tenant.ID, ledger Ledger) (left int, err error) {
	for {
		unseen, err := ledger.UnseenVectors(ctx, entriesRead)
		if err != nil || len(unseen) == 0 {
			return 0, err
		}
		s, err := b.space(ctx, id, unseen[0].Dimensions, true)
		if err != nil {
			return 0, err
		}
		seen, err := s.visible(ctx, ledger, unseen)
		if err != nil {
			return 0, fmt.Errorf("look for written vectors: %w", err)
		}
		if err := ledger.VectorsVisible(ctx, seen); err != nil {
			return 0, err
		}
		if len(seen) < len(unseen) {
			return len(unseen) - len(seen), nil
		}
	}
}

// visible returns those of the entries whose vectors reads can see: by their position in the log where the service tells
// positions, and by fetching them where it does not.
func (s *space) visible(ctx context.Context, ledger Ledger, entries []store.VectorEntry) ([]store.VectorEntry, error) {
	positioned := withPosition(entries)
	others := slices.DeleteFunc(slices.Clone(entries), func(e store.VectorEntry) bool { return e.Position != nil })
	indexed, err := s.indexedTo(ctx, positioned)
	if err != nil {
		return nil, err
	}
	if indexed == nil { // it told positions once and does not now
		others, positioned = entries, nil
	}
	seen := slices.DeleteFunc(positioned, func(e store.VectorEntry) bool { return *e.Position > *indexed })
	fetched, err := s.fetched(ctx, ledger, others)
	return append(seen, fetched...), err
}

func withPosition(entries []store.VectorEntry) []store.VectorEntry {
	return slices.DeleteFunc(slices.Clone(entries), func(e store.VectorEntry) bool { return e.Position == nil })
}

// lookOnce notes in acknowledged entries which of them reads have come to already: where that is soon, a note of its own
// is spared for each. Without positions, looking for each vector would cost more than it spares.
func (s *space) lookOnce(ctx context.Context, entries []store.VectorEntry) error {
	indexed, err := s.indexedTo(ctx, withPosition(entries))
	for i := range entries {
		e := &entries[i]
		e.Visible = e.Position != nil && indexed != nil && *e.Position <= *indexed
	}
	return err
}

// indexedTo returns how far reads have come in the log, where the service tells it and there are entries to ask for.
func (s *space) indexedTo(ctx context.Context, entries []store.VectorEntry) (*int64, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	// For what the answer tells beside the record.
	_, indexed, err := s.fetch(ctx, []string{recordID(s.tenant, entries[0].Collection, entries[0].First)})
	return indexed, err
}

// fetched returns those of the entries of which reads can see all vectors that are still on record, as they were told or
// later.
func (s *space) fetched(ctx context.Context, ledger Ledger, entries []store.VectorEntry) (seen []store.VectorEntry, err error) {
	if len(entries) == 0 {
		return nil, nil
	}
	onRecord, err := ledger.VectorsOnRecord(ctx, entries)
	if err != nil {
		return nil, err
	}
	var ids []string
	for i := range entries {
		for _, ordinal := range onRecord[i] {
			ids = append(ids, recordID(s.tenant, entries[i].Collection, ordinal))
		}
	}
	revisions := make(map[string]float64, len(ids))
	for batch := range slices.Chunk(ids, maxIDs) {
		found, _, err := s.fetch(ctx, batch)
		if err != nil {
			return nil, err
		}
		for id, record := range found {
			if record != nil && record.Metadata != nil {
				revisions[id] = record.Metadata.Fields[revisionField].GetNumberValue()
			}
		}
	}
	for i := range entries {
		of := ids[:len(onRecord[i])]
		ids = ids[len(of):]
		if !slices.ContainsFunc(of, func(id string) bool { return revisions[id] < float64(entries[i].Revision) }) {
			seen = append(seen, entries[i])
		}
	}
	return seen, nil
}
