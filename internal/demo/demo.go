// Package demo holds the tenants that `lindero dev` creates to be tried out: three companies whose documents talk
// about the same things (bills, cancelling, cover, routers, SIM cards, refunds), so that a leak between them
// would show in the first search.
package demo

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"lindero/client"
)

//go:embed documents
var files embed.FS

// Tenant is one of the demo's companies.
type Tenant struct {
	Slug string
	Name string
}

// Tenants are the demo's companies, in the order in which they are shown.
var Tenants = []Tenant{
	{Slug: "chogar", Name: "Cobijo Hogar (home insurance)"},
	{Slug: "amovil", Name: "Ámbar Móvil (mobile operator)"},
	{Slug: "afijo", Name: "Ancla Fijo (fixed line and fibre)"},
}

// Documents returns a tenant's documents by id, which is the file's name. The title is the first heading.
func Documents(slug string) ([]client.NewDocument, error) {
	names, err := fs.Glob(files, path.Join("documents", slug, "*.md"))
	if err != nil {
		return nil, err
	}
	documents := make([]client.NewDocument, 0, len(names))
	for _, name := range names {
		content, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		heading, _, _ := strings.Cut(string(content), "\n")
		title, isHeading := strings.CutPrefix(heading, "# ")
		if !isHeading {
			return nil, fmt.Errorf("%s does not begin with a heading", name)
		}
		documents = append(documents, client.NewDocument{
			ID: path.Base(name), Title: title, Content: content, ContentType: "text/markdown",
			Metadata: map[string]any{"source": "demo"},
		})
	}
	return documents, nil
}
