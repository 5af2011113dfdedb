package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lindero/tenant"
)

// searching are neighbours that search all the time; rests counts the pieces of work after which somebody made way.
type searching struct{ rests map[uuid.UUID]int }

func (s *searching) OthersSearch(uuid.UUID) bool { return true }

func (s *searching) MakeWay(_ context.Context, tenant uuid.UUID, _ time.Duration) { s.rests[tenant]++ }

func TestBulkRequestsMakeWayForSearches(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	beside := &searching{rests: map[uuid.UUID]int{}}
	d.server.cfg.Neighbours = beside
	bulk, asBulk := d.tenant("bulk")
	single, asSingle := d.tenant("single")
	if got := sendLines(asBulk(tenant.Writer), manyLines("n", 2*besideDocuments+1)); got["accepted"] != float64(2*besideDocuments+1) {
		t.Errorf("accepted: %v", got)
	}
	for _, id := range []string{"1", "2"} {
		got := asSingle(tenant.Writer).send("PUT", documentsOf+"/"+id, strings.NewReader(`{"text":"words"}`), "Content-Type", "application/json")
		if got.status != 202 {
			t.Errorf("PUT: %d", got.status)
		}
	}
	sendLines(asSingle(tenant.Writer), manyLines("few", 3))
	if beside.rests[uuid.MustParse(bulk)] != 3 || beside.rests[uuid.MustParse(single)] != 0 {
		t.Errorf("bulk rested %d times, small requests %d", beside.rests[uuid.MustParse(bulk)], beside.rests[uuid.MustParse(single)])
	}
}
