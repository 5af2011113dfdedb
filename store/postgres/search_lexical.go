package postgres

import (
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lindero/fault"
	"lindero/search"
	"lindero/search/lexical/bm25"
	"lindero/search/lexical/cache"
	"lindero/search/lexical/codec"
)

// lexicalLeg is one target's BM25: from memory as far as that holds, and from the search's own snapshot.
type lexicalLeg struct {
	handle     *Handle
	target     search.Target
	query      *bm25.Query
	view       *cache.View
	collection cache.Collection
	outdated   bool // the view's standing is not the snapshot's
	ranked     bool // by the view's standing

	// What a complement brings.
	standing *cache.Standing
	fetched  []cache.Fetched
}

func (h *Handle) newLexicalLeg(target search.Target, limit int, count bool) *lexicalLeg {
	query := &bm25.Query{Terms: make([]bm25.Term, len(target.Terms)), Parameters: bm25.Default, Limit: limit, Count: count}
	terms := make([]string, len(target.Terms))
	for n, term := range target.Terms {
		terms[n], query.Terms[n].Count = term.Term, term.Count
	}
	collection := cache.Collection{Tenant: h.id.UUID(), ID: target.Collection.ID}
	return &lexicalLeg{handle: h, target: target, query: query, collection: collection, view: h.store.lexical.View(collection, terms)}
}

// queue asks for what is not in memory.
func (l *lexicalLeg) queue(batch *pgx.Batch, plan search.Plan) {
	if !l.view.Complete() {
		l.queueComplement(batch)
	}
	if plan.Filter != nil {
		l.queueAllowed(batch, plan)
	}
}

// stands is the condition that the view's standing is the snapshot's. Numbers of segments are never given out again,
// and while the same segments live, markers of deleted chunks only come: a merge takes them away together with
// segments. So the number of markers says it all. The time of the youngest segment and what the markers add up to are
// for a database that was set back, by a failover or a restore, and gives numbers out anew.
func (l *lexicalLeg) stands(args *arguments, tenant, collection string) string {
	standing := l.view.Standing
	var newest *time.Time
	if len(standing.Segments) > 0 {
		newest = &standing.Newest
	}
	sum := int64(0)
	for _, ordinal := range standing.Deleted {
		sum ^= ordinal
	}
	return fmt.Sprintf(`(SELECT coalesce(array_agg(l.segment_id ORDER BY l.segment_id), '{}') = %[3]s::bigint[]
				AND max(l.created_at) IS NOT DISTINCT FROM %[4]s::timestamptz
			FROM lexical_segments l WHERE l.tenant_id = %[1]s AND l.collection_id = %[2]s)
		AND (SELECT count(*) = %[5]s::bigint AND coalesce(bit_xor(d.ordinal), 0) = %[6]s::bigint
			FROM lexical_deleted d WHERE d.tenant_id = %[1]s AND d.collection_id = %[2]s)`,
		tenant, collection, args.add(standing.Segments), args.add(newest), args.add(int64(len(standing.Deleted))), args.add(sum))
}

// queueComplement reads the standing, and of the terms what is not in memory. The lateral look-up keeps to the primary
// key whatever the statistics say.
func (l *lexicalLeg) queueComplement(batch *pgx.Batch) {
	tenant, collection := l.collection.Tenant, l.collection.ID
	l.standing = &cache.Standing{Segments: []int64{}}
	batch.Queue(`SELECT segment_id, created_at, chunks, tokens, languages FROM lexical_segments
		WHERE tenant_id = $1 AND collection_id = $2 ORDER BY segment_id`, tenant, collection).Query(l.readSegments)
	batch.Queue(`SELECT coalesce(array_agg(d.ordinal), '{}'), coalesce(sum(d.tokens), 0)::bigint
		FROM (SELECT ordinal, tokens FROM lexical_deleted WHERE tenant_id = $1 AND collection_id = $2 ORDER BY ordinal OFFSET 0) d`,
		tenant, collection).QueryRow(l.readDeleted)
	terms := make([]string, len(l.target.Terms))
	for n, term := range l.target.Terms {
		terms[n] = term.Term
	}
	held, segments := l.view.Held()
	batch.Queue(`SELECT k.n, p.segment_id, p.postings FROM unnest($3::text[], $4::boolean[]) WITH ORDINALITY AS k (term, held, n)
		CROSS JOIN LATERAL (SELECT l.segment_id, l.postings FROM lexical_postings l
			WHERE l.tenant_id = $1 AND l.collection_id = $2 AND l.term >= k.term AND l.term <= k.term
				AND NOT (k.held AND l.segment_id = ANY ($5::bigint[]))
			ORDER BY l.term, l.segment_id OFFSET 0) p`, tenant, collection, terms, held, segments).Query(l.readPostings)
}

func (l *lexicalLeg) readSegments(rows pgx.Rows) error {
	var segment, chunks, tokens int64
	var created time.Time
	var languages []string
	s := l.standing
	_, err := pgx.ForEachRow(rows, []any{&segment, &created, &chunks, &tokens, &languages}, func() error {
		s.Segments = append(s.Segments, segment)
		if created.After(s.Newest) {
			s.Newest = created
		}
		s.Statistics.Chunks += chunks
		s.Statistics.Tokens += tokens
		s.Languages = append(s.Languages, languages...)
		return nil
	})
	slices.Sort(s.Languages)
	s.Languages = slices.Compact(s.Languages)
	return err
}

func (l *lexicalLeg) readDeleted(row pgx.Row) error {
	var ordinals []int64
	var tokens int64
	if err := row.Scan(&ordinals, &tokens); err != nil {
		return err
	}
	s := l.standing
	s.Deleted = codec.NewOrdinals(ordinals)
	s.Statistics.Chunks -= int64(len(ordinals))
	s.Statistics.Tokens -= tokens
	return nil
}

func (l *lexicalLeg) readPostings(rows pgx.Rows) error {
	var n int
	var segment int64
	var block pgtype.DriverBytes // good until the next row
	_, err := pgx.ForEachRow(rows, []any{&n, &segment, &block}, func() error {
		postings, err := bm25.Decode(block)
		if err != nil {
			return fault.Wrap(err, fault.Internal, "the lexical index of collection %s cannot be read", l.target.Collection.Name)
		}
		l.fetched = append(l.fetched, cache.Fetched{Term: n - 1, Segment: segment, Postings: postings})
		return nil
	})
	return err
}

func (l *lexicalLeg) queueAllowed(batch *pgx.Batch, plan search.Plan) {
	args := &arguments{}
	tenant, collection := args.add(l.collection.Tenant), args.add(l.collection.ID)
	f := &filterSQL{args: args, tenant: tenant, collection: collection}
	batch.Queue(f.ordinals(plan.Filter), args.values...).Query(func(rows pgx.Rows) error {
		ordinals, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		allowed := codec.NewOrdinals(ordinals)
		l.query.Allowed = &allowed
		return err
	})
}

// rank takes in what the batches brought, which must not be outdated, and ranks.
func (l *lexicalLeg) rank(into *search.Retrieved) {
	if l.standing != nil {
		l.view.Complement(l.standing, l.fetched)
	}
	l.view.Query(l.query)
	result := bm25.Search(*l.query)
	into.Lexical, into.Languages = &result, l.view.Standing.Languages
	l.ranked = true
}

// rankLegs ranks the lexical legs that are not ranked yet. What was in memory for one that has changed meanwhile is brought
// up to date first, in the same snapshot, and vectors are compared with what is best by it then.
func (s *snapshot) rankLegs(send func(*pgx.Batch) error, plan search.Plan) error {
	batch := &pgx.Batch{}
	for i, leg := range s.lexical {
		if leg != nil && !s.retrieved[i].Stale && leg.outdated {
			leg.ranked = false
			leg.queueComplement(batch)
		}
	}
	if batch.Len() > 0 {
		outdatedViews.Inc()
		s.roundTrips++
		if err := send(batch); err != nil {
			return err
		}
	}
	batch = &pgx.Batch{}
	for i, leg := range s.lexical {
		if leg == nil || s.retrieved[i].Stale || leg.ranked {
			continue
		}
		leg.rank(&s.retrieved[i])
		if compares(leg.target, plan) {
			s.retrieved[i].Vector = nil
			s.queueVectorLeg(batch, plan, i)
		}
	}
	if batch.Len() == 0 {
		return nil
	}
	s.roundTrips++
	return send(batch)
}

// key names a chunk of the collection.
func (l *lexicalLeg) key(ordinal int64) search.Key {
	return search.Key{Collection: l.collection.ID, Ordinal: ordinal}
}
