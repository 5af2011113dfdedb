package api

import (
	"net/http/pprof"
	runtimepprof "runtime/pprof"
	"strconv"

	"github.com/gin-gonic/gin"

	"lindero/fault"
)

// profilingPath is where the runtime's profiles are, for operators: they tell what the process does, for whom it does not.
const profilingPath = "/admin/v1/debug/pprof"

// maxProfileSeconds is how long one profile may take: an answer has answerWithin.
const maxProfileSeconds = 60

// profilingRoutes serve what `go tool pprof` reads. The command line is not among it: it may hold secrets.
func (s *server) profilingRoutes(engine *gin.Engine) {
	engine.GET(profilingPath+"/:profile", s.operatorOnly, func(c *gin.Context) {
		if seconds := c.Query("seconds"); seconds != "" {
			if n, err := strconv.Atoi(seconds); err != nil || n < 1 || n > maxProfileSeconds {
				fail(exchangeOf(c.Request.Context()), fault.InvalidField("query.seconds", seconds, "must be from 1 to %d", maxProfileSeconds))
				return
			}
		}
		switch name := c.Param("profile"); {
		case name == "profile":
			pprof.Profile(c.Writer, c.Request)
		case name == "trace":
			pprof.Trace(c.Writer, c.Request)
		case runtimepprof.Lookup(name) != nil:
			pprof.Handler(name).ServeHTTP(c.Writer, c.Request)
		default:
			fail(exchangeOf(c.Request.Context()), fault.New(fault.NotFound, "there is no profile %q; there are profile, trace, heap, allocs, goroutine, mutex, block and threadcreate", name))
		}
	})
}

// operatorOnly is platformAuth for routes outside Huma.
func (s *server) operatorOnly(c *gin.Context) {
	ex := exchangeOf(c.Request.Context())
	if err := s.admitOperator(ex); err != nil {
		fail(ex, err)
		c.Abort()
		return
	}
	c.Next()
}
