package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"lindero/fault"
)

var saneRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// answerWithin is how long a client has to take an answer, counted anew while it sends or streams.
const answerWithin = 2 * time.Minute

// begin gives the request its id and, when it is over, its line in the log and its counts. The log has the
// route's pattern, never the path: ids and queries are the tenant's.
func (s *server) begin(c *gin.Context) {
	start := time.Now()
	ex := &exchange{requestID: c.GetHeader("X-Request-ID"), writer: c.Writer, head: c.GetHeader(headMarker) != ""}
	if !saneRequestID.MatchString(ex.requestID) {
		ex.requestID = uuid.NewString()
	}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), exchangeKey{}, ex))
	ex.request = c.Request
	header := c.Writer.Header()
	header.Set("X-Request-ID", ex.requestID)
	header.Set("X-Content-Type-Options", "nosniff")
	extendWrite(ex, answerWithin)
	c.Writer = &wholeWriter{c.Writer, c.Request.Context()}
	s.metrics.inFlight.Inc()
	defer func() {
		s.metrics.inFlight.Dec()
		ex.releaseBody()
		s.finish(c, ex, time.Since(start))
	}()
	c.Next()
}

func (s *server) finish(c *gin.Context, ex *exchange, took time.Duration) {
	route, method := c.FullPath(), c.Request.Method
	if route == "" {
		route = "unmatched"
	}
	if ex.head {
		method = http.MethodHead
	}
	status := c.Writer.Status()
	s.metrics.observe(method, route, status, took)
	attrs := []slog.Attr{
		slog.String("request_id", ex.requestID), slog.String("method", method), slog.String("route", route),
		slog.Int("status", status), slog.Duration("duration", took), slog.Int("bytes", max(0, c.Writer.Size())),
	}
	if id := ex.principal.Tenant; !id.IsZero() {
		s.metrics.tenants.WithLabelValues(id.String()).Inc()
		attrs = append(attrs, slog.String("tenant", id.String()))
	}
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if ex.failure != nil {
		attrs = append(attrs, slog.String("code", string(fault.CodeOf(ex.failure))))
		if level == slog.LevelError { // client errors may quote what the client sent; ours do not
			attrs = append(attrs, slog.Any("error", ex.failure))
		}
	}
	s.cfg.Log.LogAttrs(context.WithoutCancel(c.Request.Context()), level, "request", attrs...)
}

// recoverPanic answers 500 for a panic and logs its stack.
func (s *server) recoverPanic(c *gin.Context) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if cause == http.ErrAbortHandler {
			panic(cause)
		}
		ex := exchangeOf(c.Request.Context())
		s.cfg.Log.Error("panic", "request_id", ex.requestID, "route", c.FullPath(), "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
		if c.Writer.Written() {
			panic(http.ErrAbortHandler) // half an answer must not look whole
		}
		fail(ex, fault.New(fault.Internal, "panic"))
		c.Abort()
	}()
	c.Next()
}

// decodeURL unescapes path parameters, once, and refuses a URL whose text no storage can hold.
func (s *server) decodeURL(c *gin.Context) {
	ex := exchangeOf(c.Request.Context())
	for i, p := range c.Params {
		value, err := url.PathUnescape(p.Value)
		if err != nil || !plainText(value) {
			fail(ex, fault.New(fault.Malformed, "path.%s is not percent-encoded UTF-8 text", p.Key))
			c.Abort()
			return
		}
		c.Params[i].Value = value
	}
	query, err := url.ParseQuery(c.Request.URL.RawQuery)
	for name, values := range query {
		if !plainText(name) || !plainText(strings.Join(values, "")) {
			err = fault.New(fault.Malformed, "")
		} else if len(values) > 1 {
			fail(ex, fault.InvalidField("query."+name, nil, "is given more than once"))
			c.Abort()
			return
		}
	}
	if err != nil {
		fail(ex, fault.New(fault.Malformed, "the query string is not percent-encoded UTF-8 text"))
		c.Abort()
		return
	}
	c.Next()
}

// plainText is UTF-8 without U+0000, which PostgreSQL cannot hold.
func plainText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func (s *server) noRoute(c *gin.Context) {
	fail(exchangeOf(c.Request.Context()), fault.New(fault.NotFound, "there is nothing at this path; /docs lists what there is"))
}

// noMethod answers 405, or 204 to OPTIONS. Gin has set Allow. There is no CORS: browsers' pages of other sites
// have no business here.
func (s *server) noMethod(c *gin.Context) {
	allow := c.Writer.Header().Get("Allow")
	if strings.Contains(allow, http.MethodGet) {
		allow += ", " + http.MethodHead
	}
	c.Header("Allow", allow+", "+http.MethodOptions)
	if c.Request.Method == http.MethodOptions {
		c.Status(http.StatusNoContent)
		c.Writer.WriteHeaderNow()
		return
	}
	ex := exchangeOf(c.Request.Context())
	p := newProblem(ex.requestID, http.StatusMethodNotAllowed, fault.Invalid, "this path takes "+allow, nil)
	c.Header("Content-Type", p.ContentType(""))
	c.PureJSON(p.Status, p)
}

// headMarker tells the router that a GET was a HEAD. A caller's own is dropped.
const headMarker = "X-Lindero-Head"

// headAsGet answers HEAD as GET without the body.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del(headMarker)
		if r.Method == http.MethodHead {
			r = r.Clone(r.Context())
			r.Method = http.MethodGet
			r.Header.Set(headMarker, "1")
			w = headWriter{w}
		}
		next.ServeHTTP(w, r)
	})
}

// headWriter lets headers through and drops the body.
type headWriter struct{ http.ResponseWriter }

func (headWriter) Write(b []byte) (int, error)   { return len(b), nil }
func (w headWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
func (w headWriter) Flush()                      { _ = http.NewResponseController(w.ResponseWriter).Flush() }
