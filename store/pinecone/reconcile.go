package pinecone

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	sdk "github.com/pinecone-io/go-pinecone/v5/pinecone"

	"lindero/store"
	"lindero/tenant"
)

// Differences are between a tenant's record and one of its namespaces. What is on the way is none.
type Differences struct {
	Dimensions int   `json:"dimensions"`
	OnRecord   int64 `json:"on_record"` // vectors that the namespace must hold
	Listed     int64 `json:"listed"`    // vectors that it holds
	Missing    int64 `json:"missing"`
	Orphans    int64 `json:"orphans"` // not on record
	Foreign    int64 `json:"foreign"` // named as another tenant's, or as nobody's: an incident
}

// OK reports whether there are none.
func (d Differences) OK() bool { return d.Missing+d.Orphans+d.Foreign == 0 }

// Reconcile compares a tenant's namespaces with its record. With repair, what is missing is sent again and what is
// not on record is deleted.
func (b *Backend) Reconcile(ctx context.Context, id tenant.ID, ledger Ledger, repair bool) ([]Differences, error) {
	sets, err := ledger.IndexedVectors(ctx)
	if err != nil {
		return nil, err
	}
	dimensions, err := ledger.VectorNamespaces(ctx)
	if err != nil {
		return nil, err
	}
	for _, set := range sets {
		if len(set.Ordinals) > 0 && !slices.Contains(dimensions, set.Dimensions) {
			dimensions = append(dimensions, set.Dimensions)
		}
	}
	slices.Sort(dimensions)
	found := make([]Differences, 0, len(dimensions))
	for _, d := range dimensions {
		one, err := b.compare(ctx, id, ledger, d, sets, repair)
		if err != nil {
			return found, fmt.Errorf("compare the namespace of %d dimensions: %w", d, err)
		}
		found = append(found, one)
	}
	return found, nil
}

func (b *Backend) compare(ctx context.Context, id tenant.ID, ledger Ledger, dimensions int, sets []store.VectorSet, repair bool) (Differences, error) {
	c := newComparison(dimensions, sets)
	s, err := b.space(ctx, id, dimensions, false)
	if err != nil && !errors.Is(err, errNoIndex) {
		return c.found, err
	}
	var foreign []string
	if s != nil {
		err := s.list(ctx, func(listed string) {
			if !c.meet(id.UUID(), listed) {
				foreign = append(foreign, listed)
			}
		})
		if err != nil {
			return c.found, err
		}
	}
	// What was written since the record was read is no orphan.
	now, err := ledger.IndexedVectors(ctx)
	if err != nil {
		return c.found, err
	}
	wrong := c.wrong(now)
	if !repair {
		return c.found, nil
	}
	for _, set := range wrong {
		if err := ledger.RepairVectors(ctx, set); err != nil {
			return c.found, err
		}
	}
	for batch := range slices.Chunk(foreign, maxIDs) {
		if err := s.delete(ctx, batch); err != nil {
			return c.found, err
		}
	}
	return c.found, nil
}

// comparison crosses off what is on record as it is listed.
type comparison struct {
	found    Differences
	expected map[store.VectorKey]bool // still to be listed
	known    map[store.VectorKey]bool // all that may be listed
	orphans  []store.VectorKey
}

func newComparison(dimensions int, sets []store.VectorSet) *comparison {
	c := &comparison{found: Differences{Dimensions: dimensions}, expected: map[store.VectorKey]bool{}, known: map[store.VectorKey]bool{}}
	for _, set := range sets {
		if set.Dimensions != dimensions {
			continue
		}
		for _, ordinal := range set.Ordinals {
			c.expected[store.VectorKey{Collection: set.Collection, Ordinal: ordinal}] = true
		}
		c.learn(set)
	}
	c.found.OnRecord = int64(len(c.expected))
	return c
}

func (c *comparison) learn(set store.VectorSet) {
	for _, ordinal := range slices.Concat(set.Ordinals, set.Unsettled) {
		c.known[store.VectorKey{Collection: set.Collection, Ordinal: ordinal}] = true
	}
}

// meet takes note of a listed id; false means that it is no id of the tenant's.
func (c *comparison) meet(tenant uuid.UUID, id string) bool {
	c.found.Listed++
	key, ok := parseID(id)
	if !ok || key.tenant != tenant {
		c.found.Foreign++
		return false
	}
	at := store.VectorKey{Collection: key.collection, Ordinal: key.ordinal}
	delete(c.expected, at)
	if !c.known[at] {
		c.orphans = append(c.orphans, at)
	}
	return true
}

// wrong counts and returns what the namespace lacks or should not have, given the record as it is by now.
func (c *comparison) wrong(now []store.VectorSet) []store.VectorSet {
	for _, set := range now {
		c.learn(set)
	}
	sets := map[uuid.UUID]*store.VectorSet{}
	add := func(at store.VectorKey) {
		if sets[at.Collection] == nil {
			sets[at.Collection] = &store.VectorSet{Collection: at.Collection, Dimensions: c.found.Dimensions}
		}
		sets[at.Collection].Ordinals = append(sets[at.Collection].Ordinals, at.Ordinal)
	}
	still := map[store.VectorKey]bool{}
	for _, set := range now {
		for _, ordinal := range set.Ordinals {
			still[store.VectorKey{Collection: set.Collection, Ordinal: ordinal}] = true
		}
	}
	for at := range c.expected {
		if still[at] { // it has not been deleted meanwhile
			c.found.Missing++
			add(at)
		}
	}
	for _, at := range c.orphans {
		if !c.known[at] {
			c.found.Orphans++
			add(at)
		}
	}
	wrong := make([]store.VectorSet, 0, len(sets))
	for _, set := range sets {
		wrong = append(wrong, *set)
	}
	return wrong
}

// Namespaces returns the ids of the tenants that have a namespace in any of the indexes, as their names say. It is
// for finding namespaces that no tenant has any more; deleting those is left to people, because another deployment
// might share the indexes.
func (b *Backend) Namespaces(ctx context.Context) ([]string, error) {
	indexes, err := b.client.ListIndexes(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, described := range indexes {
		if described.Dimension == nil || described.Name != b.nameOf(int(*described.Dimension)) {
			continue
		}
		x, err := b.indexOf(ctx, int(*described.Dimension), false)
		if err != nil {
			return nil, err
		}
		if err := x.namespaces(ctx, func(name string) {
			if id, ours := strings.CutPrefix(name, NamespacePrefix); ours {
				seen[id] = true
			}
		}); err != nil {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(seen)), nil
}

func (x *index) namespaces(ctx context.Context, each func(name string)) error {
	limit := uint32(listPage)
	request := &sdk.ListNamespacesParams{Limit: &limit}
	for {
		var answer *sdk.ListNamespacesResponse
		err := x.circuit.do(ctx, x.circuit.writes, func(ctx context.Context) (err error) {
			answer, err = x.conn.ListNamespaces(ctx, request)
			return err
		})
		if isUnimplemented(err) {
			return x.namespacesInUse(ctx, each)
		}
		if err != nil {
			return fmt.Errorf("list the namespaces of %s: %w", x.name, err)
		}
		for _, n := range answer.Namespaces {
			each(n.Name)
		}
		if answer.Pagination == nil || answer.Pagination.Next == "" {
			return nil
		}
		request.PaginationToken = &answer.Pagination.Next
	}
}

// namespacesInUse lists those that hold anything, from the index's statistics.
func (x *index) namespacesInUse(ctx context.Context, each func(name string)) error {
	var stats *sdk.DescribeIndexStatsResponse
	err := x.circuit.do(ctx, x.circuit.writes, func(ctx context.Context) (err error) {
		stats, err = x.conn.DescribeIndexStats(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("list the namespaces of %s: %w", x.name, err)
	}
	for name, found := range stats.Namespaces {
		if found != nil && found.VectorCount > 0 {
			each(name)
		}
	}
	return nil
}
