package api

import (
	"maps"
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"lindero/fault"
)

// probeView is the answer of a probe that passed.
type probeView struct {
	Status string            `json:"status" enum:"ok"`
	Checks map[string]string `json:"checks,omitempty" doc:"ok for each"`
	// Warnings do not take the server out of service: another one would be no better off.
	Warnings []string `json:"warnings,omitempty" doc:"What an operator should see to"`
}

// probeRoutes are outside Huma's handlers: they must answer whatever the state of the rest.
func (s *server) probeRoutes(engine *gin.Engine) {
	engine.GET("/livez", func(c *gin.Context) { c.JSON(http.StatusOK, probeView{Status: "ok"}) })
	engine.GET("/readyz", s.ready)
	engine.GET("/metrics", gin.WrapH(promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{})))
	probe := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[probeView](), true, "probeView")
	s.describeOpen("/livez", "livez", "Is the process alive?", "application/json", probe)
	s.describeOpen("/readyz", "readyz", "Can it serve?", "application/json", probe)
	s.describeOpen("/metrics", "metrics", "Prometheus metrics", "text/plain", &huma.Schema{Type: huma.TypeString})
}

// describeOpen documents a GET that needs no key.
func (s *server) describeOpen(path, id, summary, contentType string, schema *huma.Schema) {
	problem := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	s.api.OpenAPI().AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Tags: []string{"probes"}, Security: []map[string][]string{},
		Responses: map[string]*huma.Response{
			"200":     {Description: "OK", Content: map[string]*huma.MediaType{contentType: {Schema: schema}}},
			"default": {Description: "What went wrong", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: problem}}},
		},
	})
}

// ready names the checks that failed and keeps why for the log: anybody may ask.
func (s *server) ready(c *gin.Context) {
	ex := exchangeOf(c.Request.Context())
	outcome := s.cfg.Ready(c.Request.Context())
	failed := fault.New(fault.Unavailable, "not ready")
	view := probeView{Status: "ok", Checks: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(outcome)) {
		view.Checks[name] = "ok"
		if err := outcome[name]; err != nil {
			s.cfg.Log.Warn("readiness check failed", "check", name, "error", err)
			failed.Fields = append(failed.Fields, fault.Field{Location: name, Message: "failed"})
		}
	}
	if len(failed.Fields) > 0 {
		fail(ex, failed)
		return
	}
	if s.cfg.Warnings != nil {
		view.Warnings = s.cfg.Warnings()
	}
	c.JSON(http.StatusOK, view)
}
