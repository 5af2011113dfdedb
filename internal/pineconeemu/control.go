package pineconeemu

import (
	"encoding/json"
	"net/http"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// controlPlane routes the control plane's requests.
func (e *Emulator) controlPlane() http.Handler {
	mux := http.NewServeMux()
	for pattern, route := range map[string]route{
		"GET /indexes":           {"ListIndexes", http.StatusOK, e.listIndexes},
		"POST /indexes":          {"CreateIndex", http.StatusCreated, e.createIndex},
		"GET /indexes/{name}":    {"DescribeIndex", http.StatusOK, e.describeIndex},
		"PATCH /indexes/{name}":  {"ConfigureIndex", http.StatusOK, e.configureIndex},
		"DELETE /indexes/{name}": {"DeleteIndex", http.StatusAccepted, e.deleteIndex},
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { e.serveControl(route, w, r) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeControl(w, 0, nil, status.Errorf(codes.NotFound, "The emulator does not serve %s %s", r.Method, r.URL.Path))
	})
	return mux
}

// route is a method of the control plane: handle returns what is answered as JSON, if anything.
type route struct {
	method string
	status int // when it succeeds
	handle func(r *http.Request) (any, error)
}

func (e *Emulator) serveControl(route route, w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	c := Call{Time: time.Now(), Method: route.method, Index: r.PathValue("name"), Bytes: int(max(0, r.ContentLength))}
	strike := e.faults.take(c)
	body, err := e.answerControl(route, strike, r)
	c.Duration, c.Code, c.Fault = time.Since(c.Time), status.Code(err), strike.name()
	e.record(c)
	switch {
	case strike != nil && strike.Kind == Drop:
		panic(http.ErrAbortHandler) // the way to make net/http cut the connection
	case strike != nil && (strike.Kind == Truncate || strike.Kind == Partial):
		writeControl(&truncatingWriter{ResponseWriter: w}, route.status, body, err)
	default:
		writeControl(w, route.status, body, err)
	}
}

// answerControl lets the fault have its way before or after the effect.
func (e *Emulator) answerControl(route route, s *strike, r *http.Request) (any, error) {
	early := s != nil && !s.happensAfter()
	late := s != nil && s.happensAfter()
	if early {
		if err := s.failControl(r); err != nil {
			return nil, err
		}
	}
	if err := e.checkKey(r.Header.Get("Api-Key")); err != nil {
		return nil, err
	}
	body, err := route.handle(r)
	if late {
		if failure := s.failControl(r); failure != nil {
			return nil, failure
		}
	}
	return body, err
}

func (s *strike) failControl(r *http.Request) error {
	if err := s.pause(r.Context()); err != nil {
		return err
	}
	if code, fails := kindCodes[s.Kind]; fails {
		return status.Errorf(code, "injected fault: %s", s.Kind)
	}
	return nil
}

// writeControl writes a body, or an error in the service's shape.
func writeControl(w http.ResponseWriter, ok int, body any, err error) {
	if err != nil {
		code := controlCodes[status.Code(err)]
		var problem struct {
			Error struct {
				Code    string `json:"code"`
				Message string `json:"message"`
			} `json:"error"`
			Status int `json:"status"`
		}
		problem.Error.Code, problem.Error.Message, problem.Status = code.name, status.Convert(err).Message(), code.status
		ok, body = code.status, problem
	}
	w.Header().Set("Content-Type", "application/json")
	if body == nil {
		w.WriteHeader(ok)
		return
	}
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(ok)
	_, _ = w.Write(text) // the caller has gone; there is nobody to tell
}

// controlCodes are the control plane's names and HTTP statuses of the codes it uses.
var controlCodes = map[codes.Code]struct {
	name   string
	status int
}{
	codes.InvalidArgument:   {"INVALID_ARGUMENT", http.StatusBadRequest},
	codes.Unauthenticated:   {"UNAUTHENTICATED", http.StatusUnauthorized},
	codes.PermissionDenied:  {"FORBIDDEN", http.StatusForbidden},
	codes.NotFound:          {"NOT_FOUND", http.StatusNotFound},
	codes.AlreadyExists:     {"ALREADY_EXISTS", http.StatusConflict},
	codes.ResourceExhausted: {"RESOURCE_EXHAUSTED", http.StatusTooManyRequests},
	codes.Internal:          {"INTERNAL", http.StatusInternalServerError},
	codes.Unavailable:       {"UNAVAILABLE", http.StatusServiceUnavailable},
	codes.DeadlineExceeded:  {"DEADLINE_EXCEEDED", http.StatusGatewayTimeout},
	codes.Unimplemented:     {"UNIMPLEMENTED", http.StatusNotImplemented},
	codes.Canceled:          {"ABORTED", http.StatusServiceUnavailable},
}

// truncatingWriter sends the first half of what is written and cuts the connection.
type truncatingWriter struct{ http.ResponseWriter }

func (w *truncatingWriter) Write(p []byte) (int, error) {
	if _, err := w.ResponseWriter.Write(p[:len(p)/2]); err != nil {
		return 0, err
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush() // or the half would be dropped too
	panic(http.ErrAbortHandler)
}
