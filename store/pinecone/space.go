package pinecone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/google/uuid"
	sdk "github.com/pinecone-io/go-pinecone/v5/pinecone"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"lindero/tenant"
)

// space is one tenant's namespace in one index. The namespace is fixed when the space is made, from the tenant's
// id, which is never used again; no method takes one (wall 3 of the design).
type space struct {
	tenant     uuid.UUID
	dimensions int
	index      *index
	conn       *sdk.IndexConnection
	pace       *spacePace
}

// errNoTenant keeps a mistake from reaching the namespace that everybody would share.
var errNoTenant = errors.New("pinecone: asked for without a tenant")

// NamespacePrefix and the tenant's id make the name of a tenant's namespace.
const NamespacePrefix = "t-"

func namespaceOf(id tenant.ID) string { return NamespacePrefix + id.String() }

// space binds a namespace. With create, the index is made when it does not exist; otherwise errNoIndex.
func (b *Backend) space(ctx context.Context, id tenant.ID, dimensions int, create bool) (*space, error) {
	if id.IsZero() {
		return nil, errNoTenant
	}
	x, err := b.indexOf(ctx, dimensions, create)
	if err != nil {
		return nil, err
	}
	return &space{tenant: id.UUID(), dimensions: dimensions, index: x, conn: x.conn.WithNamespace(namespaceOf(id)), pace: b.paceOf(id)}, nil
}

// Time limits of one try.
const (
	askTimeout   = time.Second
	writeTimeout = 20 * time.Second
)

// ask runs a call that somebody waits for.
func (s *space) ask(ctx context.Context, method string, call func(context.Context) error) error {
	return s.run(ctx, s.index.circuit.asks, askTimeout, method, call, charge{s.pace.asks, 1})
}

// write runs a call that nobody waits for. Calls may be repeated although they took effect: all of ours can be. Each
// try costs what the charges say, beside a request.
func (s *space) write(ctx context.Context, method string, call func(context.Context) error, charges ...charge) error {
	return s.run(ctx, s.index.circuit.writes, writeTimeout, method, call, append(charges, charge{s.pace.writes, 1})...)
}

func (s *space) run(ctx context.Context, executor failsafe.Executor[any], timeout time.Duration, method string, call func(context.Context) error, charges ...charge) error {
	err := s.index.circuit.do(ctx, executor, func(ctx context.Context) error {
		if err := wait(ctx, charges); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		started := time.Now()
		err := call(ctx)
		observe(method, started, err)
		return err
	})
	if err != nil {
		return fmt.Errorf("pinecone %s: %w", method, err)
	}
	return nil
}

// query returns the ids nearest to vector, best first, and the score of the last.
func (s *space) query(ctx context.Context, vector []float32, topK int, narrow *sdk.MetadataFilter) (ids []string, last float64, err error) {
	err = s.ask(ctx, "query", func(ctx context.Context) error {
		answer, err := s.conn.QueryByVectorValues(ctx, &sdk.QueryByVectorValuesRequest{Vector: vector, TopK: uint32(topK), MetadataFilter: narrow})
		if err != nil {
			return ignoreMissing(err)
		}
		ids = make([]string, 0, len(answer.Matches))
		for _, match := range answer.Matches {
			if match.Vector != nil {
				ids = append(ids, match.Vector.Id)
				last = float64(match.Score)
			}
		}
		return nil
	})
	return ids, last, err
}

// upsert writes records, of so many bytes, and returns where in the log they stand, where the service tells.
func (s *space) upsert(ctx context.Context, records []*sdk.Vector, bytes int) (position *int64, err error) {
	err = s.write(ctx, "upsert", func(ctx context.Context) error {
		ctx, told := withPositions(ctx)
		n, err := s.conn.UpsertVectors(ctx, records)
		if err == nil && int(n) != len(records) {
			return status.Errorf(codes.DataLoss, "%d of %d records were taken", n, len(records))
		}
		position = told.written
		return err
	}, charge{s.pace.bytes, bytes})
	return position, err
}

// delete forgets records; those that are not there do no harm.
func (s *space) delete(ctx context.Context, ids []string) error {
	return s.write(ctx, "delete", func(ctx context.Context) error { return ignoreMissing(s.conn.DeleteVectorsById(ctx, ids)) },
		charge{s.index.pace.deletes, len(ids)})
}

// fetch returns those of the records that reads can see, without values, and how far reads have come.
func (s *space) fetch(ctx context.Context, ids []string) (seen map[string]*sdk.Vector, indexed *int64, err error) {
	err = s.write(ctx, "fetch", func(ctx context.Context) error {
		ctx, told := withPositions(ctx)
		answer, err := s.conn.FetchVectors(ctx, ids)
		if err != nil {
			return ignoreMissing(err)
		}
		seen, indexed = answer.Vectors, told.indexed
		return nil
	}, charge{s.index.pace.fetches, 1})
	return seen, indexed, err
}

// listPage is the service's largest page of ids.
const listPage = 100

// list calls each with every id in the namespace.
func (s *space) list(ctx context.Context, each func(id string)) error {
	limit := uint32(listPage)
	request := &sdk.ListVectorsRequest{Limit: &limit}
	for {
		var answer *sdk.ListVectorsResponse
		err := s.write(ctx, "list", func(ctx context.Context) (err error) {
			answer, err = s.conn.ListVectors(ctx, request)
			return ignoreMissing(err)
		}, charge{s.index.pace.lists, 1})
		if err != nil || answer == nil {
			return err
		}
		for _, id := range answer.VectorIds {
			if id != nil {
				each(*id)
			}
		}
		if answer.NextPaginationToken == nil || *answer.NextPaginationToken == "" {
			return nil
		}
		request.PaginationToken = answer.NextPaginationToken
	}
}

// drop deletes the namespace; where there is no call for that, as in Pinecone Local, all that is in it.
func (s *space) drop(ctx context.Context) error {
	err := s.write(ctx, "delete_namespace", func(ctx context.Context) error {
		return ignoreMissing(s.conn.DeleteNamespace(ctx, s.conn.Namespace()))
	})
	if !isUnimplemented(err) {
		return err
	}
	return s.write(ctx, "delete_all", func(ctx context.Context) error {
		return ignoreMissing(s.conn.DeleteAllVectorsInNamespace(ctx))
	})
}

// exists reports whether the namespace is there; where there is no call for that, whether anything is in it.
func (s *space) exists(ctx context.Context) (there bool, err error) {
	err = s.write(ctx, "describe_namespace", func(ctx context.Context) error {
		_, err := s.conn.DescribeNamespace(ctx, s.conn.Namespace())
		there = err == nil
		return ignoreMissing(err)
	})
	if !isUnimplemented(err) {
		return there, err
	}
	err = s.write(ctx, "describe_index_stats", func(ctx context.Context) error {
		stats, err := s.conn.DescribeIndexStats(ctx)
		if err == nil {
			found := stats.Namespaces[s.conn.Namespace()]
			there = found != nil && found.VectorCount > 0
		}
		return err
	})
	return there, err
}

// isUnimplemented reports whether the service does not have the call: Pinecone Local manages no namespaces.
func isUnimplemented(err error) bool { return status.Code(err) == codes.Unimplemented }

// ignoreMissing: a namespace that nothing was written to does not exist, which is as good as empty.
func ignoreMissing(err error) error {
	if status.Code(err) == codes.NotFound {
		return nil
	}
	return err
}
