package main

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"lindero/client"
)

// tenantPlacement shows where a tenant's collections lie, and moves one when told to.
type tenantPlacement struct {
	platformAccess
	output
	Ref        string `arg:"" name:"tenant" help:"Its id or slug."`
	Collection string `help:"The collection to move."`
	Kind       string `help:"Where to: hnsw (a partition of its own with an index), exact (among the small ones), or auto (by size)." enum:"auto,exact,hnsw," default:""`
}

func (t *tenantPlacement) Run(c *console) error {
	if (t.Collection == "") != (t.Kind == "") {
		return usageError{"--collection and --kind go together"}
	}
	platform, err := t.platform()
	if err != nil {
		return err
	}
	var placement client.TenantPlacement
	if t.Collection == "" {
		placement, err = platform.Placement(c.ctx, t.Ref)
	} else {
		placement, err = platform.PlaceCollection(c.ctx, t.Ref, t.Collection, t.Kind)
	}
	if err != nil {
		return err
	}
	if t.JSON {
		return printJSON(c.out, placement)
	}
	fmt.Fprintf(c.err, "database %s, vectors in %s\n", placement.Database, placement.Vectors)
	rows := [][]string{{"COLLECTION", "KIND", "WANTED", "SLOT", "CHUNKS", "STATE", "MOVED", "DETAIL"}}
	for _, p := range placement.Collections {
		rows = append(rows, []string{p.Collection, p.Kind, p.Forced, strconv.Itoa(p.Slot), strconv.FormatInt(p.Chunks, 10),
			p.State, moved(p.MovedAt), cmp.Or(p.Detail, "-")})
	}
	return printTable(c.out, rows)
}

func moved(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return day(*at)
}
