package postgres

import (
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lindero/search"
)

// verdict is what a search's own snapshot says of what the search took for granted.
type verdict struct {
	version pgtype.Int8 // of the collection; null when it is gone
	stands  bool        // what is in memory of its lexical index is the snapshot's
}

// verdictOn are the columns of a verdict on a target. They ride along with a statement that is sent anyway: one more
// statement costs as much as the look-ups.
func (s *snapshot) verdictOn(args *arguments, tenant, collection string, i int) string {
	stands := "true"
	if leg := s.lexical[i]; leg != nil && leg.view.Complete() {
		stands = leg.stands(args, tenant, collection)
	}
	return fmt.Sprintf(`(SELECT c.version FROM collections c WHERE c.tenant_id = %s AND c.id = %s AND c.deleted_at IS NULL) AS version,
		(%s) AS stands`, tenant, collection, stands)
}

// take notes the verdict on a target.
func (s *snapshot) take(v verdict, i int, target search.Target) {
	s.retrieved[i].Stale = !v.version.Valid || v.version.Int64 != target.Collection.Version
	if s.lexical[i] != nil {
		s.lexical[i].outdated = !v.stands
	}
}

// queueVerdict asks for a verdict alone.
func (s *snapshot) queueVerdict(batch *pgx.Batch, i int, target search.Target) {
	args := &arguments{}
	tenant, collection := args.add(s.handle.id.UUID()), args.add(target.Collection.ID)
	batch.Queue(`SELECT `+s.verdictOn(args, tenant, collection, i), args.values...).QueryRow(func(row pgx.Row) error {
		var v verdict
		if err := row.Scan(&v.version, &v.stands); err != nil {
			return err
		}
		s.take(v, i, target)
		return nil
	})
}
