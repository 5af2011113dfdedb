package api

import (
	"context"
	"math"
	"net/http"
	"strconv"

	"lindero/fault"
	"lindero/store"
	"lindero/tenant"
)

// tellQueue reports, in the headers of an answer to a write, how much room the tenant's queue has: in documents,
// and in how many seconds it is worked off at about the present rate. Not knowing it fails nothing.
func tellQueue(ctx context.Context, st Storage) {
	q, err := st.Queue(ctx)
	if err != nil {
		return
	}
	header := exchangeOf(ctx).writer.Header()
	header.Set("RateLimit-Limit", strconv.FormatInt(q.LimitDocuments, 10))
	header.Set("RateLimit-Remaining", strconv.FormatInt(remaining(q), 10))
	header.Set("RateLimit-Reset", strconv.Itoa(int(math.Ceil(q.Reset.Seconds()))))
}

// remaining is how many more documents fit; none when the bytes are used up.
func remaining(q store.Queue) int64 {
	if q.Bytes >= q.LimitBytes {
		return 0
	}
	return q.Remaining()
}

func (s *server) retryRoutes() {
	handle(s, route{method: http.MethodPost, path: documentsPath + "/{id}/retry", id: "retry-document", role: tenant.Writer, status: http.StatusAccepted,
		summary: "Try a failed document again",
		doc:     "It goes back into the queue as it was sent last, with all its tries before it. One that has not failed: 409."}, s.retryDocument)
}

func (s *server) retryDocument(ctx context.Context, in *DocumentPath) (*answer[putView], error) {
	st := s.storage(ctx)
	accepted, err := st.RetryDocument(ctx, in.Collection, in.ID)
	tellQueue(ctx, st)
	if err != nil {
		return nil, err
	}
	return answerDocument(http.StatusAccepted, accepted.Document, &accepted.Operation, false), nil
}

// refused reports whether documents were turned away because the tenant's queue is full.
func refused(err error) bool { return fault.Is(err, fault.RateLimited) }
