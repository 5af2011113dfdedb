package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"lindero/fault"
	"lindero/store"
)

const (
	progressEvery  = time.Second      // at most this long until an operation's progress is told
	heartbeatEvery = 15 * time.Second // so that proxies keep the connection
)

// watchOperation streams an operation's progress until it is final. An unknown one is a plain 404.
func (s *server) watchOperation(ctx context.Context, in *OperationPath) (*huma.StreamResponse, error) {
	id, err := in.parse()
	if err != nil {
		return nil, err
	}
	st := s.storage(ctx)
	op, err := st.Operation(ctx, id)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		ex := exchangeOf(hc.Context())
		header := ex.writer.Header()
		header.Set("Content-Type", "text/event-stream")
		header.Set("Cache-Control", "no-store")
		header.Set("X-Accel-Buffering", "no")
		ex.writer.WriteHeader(http.StatusOK)
		if !ex.head {
			w := &watcher{ex: ex, st: st, id: id}
			w.run(hc.Context(), op)
		}
	}}, nil
}

// watcher writes one stream of events.
type watcher struct {
	ex    *exchange
	st    Storage
	id    uuid.UUID
	wrote time.Time
}

func (w *watcher) run(ctx context.Context, op store.Operation) {
	told := ""
	for {
		view := viewOperation(op)
		if op.Status.Final() {
			w.event("done", view)
			return
		}
		if state := fmt.Sprint(view.Status, view.Counts); state != told {
			told = state
			if w.event("progress", view) != nil {
				return
			}
		} else if time.Since(w.wrote) >= heartbeatEvery && w.send(": still running\n\n") != nil {
			return
		}
		waiting, cancel := context.WithTimeout(ctx, progressEvery)
		next, err := w.st.WaitOperation(waiting, w.id)
		cancel()
		if ctx.Err() != nil {
			// The client has gone, or the server is stopping: the one does not see this, the other comes again.
			_ = w.event("error", problemOf(w.ex, fault.New(fault.Unavailable, "the server is stopping; watch again")))
			return
		}
		if err != nil {
			_ = w.event("error", problemOf(w.ex, err))
			return
		}
		op = next
	}
}

func (w *watcher) event(name string, data any) error {
	body, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return w.send("event: " + name + "\ndata: " + string(body) + "\n\n")
}

func (w *watcher) send(text string) error {
	w.wrote = time.Now()
	extendWrite(w.ex, answerWithin)
	if _, err := w.ex.writer.Write([]byte(text)); err != nil {
		return err
	}
	return http.NewResponseController(w.ex.writer).Flush()
}
