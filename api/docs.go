package api

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
)

//go:embed docs.html
var docsPage []byte

// docsRoutes serve the OpenAPI document and a page that shows it. The page brings its script along and loads
// nothing from elsewhere; the policy allows exactly that script.
func (s *server) docsRoutes(engine *gin.Engine) {
	text := &huma.Schema{Type: huma.TypeString}
	s.describeOpen("/openapi.json", "openapi", "This document", "application/openapi+json", &huma.Schema{Type: huma.TypeObject})
	s.describeOpen("/docs", "docs", "This document as a page", "text/html", text)
	document, err := json.Marshal(s.api.OpenAPI())
	if err != nil {
		panic(fmt.Sprintf("the OpenAPI document cannot be written: %v", err)) // fixed at build time
	}
	engine.GET("/openapi.json", func(c *gin.Context) { c.Data(http.StatusOK, "application/openapi+json", document) })
	policy := "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; script-src " + scriptHash(docsPage)
	engine.GET("/docs", func(c *gin.Context) {
		c.Header("Content-Security-Policy", policy)
		c.Data(http.StatusOK, "text/html; charset=utf-8", docsPage)
	})
}

var inlineScript = regexp.MustCompile(`(?s)<script>(.*)</script>`)

func scriptHash(page []byte) string {
	sum := sha256.Sum256(inlineScript.FindSubmatch(page)[1])
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
