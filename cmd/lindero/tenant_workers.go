package main

import (
	"encoding/json"
	"fmt"

	"lindero/client"
)

type tenantLimits struct {
	platformAccess
	output
	Ref               string `arg:"" name:"tenant" help:"Its id or slug."`
	IngestConcurrency *int64 `help:"Turns at its documents at once, in all processes."`
	QueueDocuments    *int64 `help:"Documents that may wait to be indexed."`
	QueueBytes        *int64 `help:"Bytes of theirs."`
	Reset             bool   `help:"Back to the plan's limits where no other is given."`
}

// Run shows the limits when none is given. Setting one leaves the others as they are, unless told to reset.
func (t *tenantLimits) Run(c *console) error {
	platform, err := t.platform()
	if err != nil {
		return err
	}
	found, err := platform.Tenant(c.ctx, t.Ref)
	if err != nil {
		return err
	}
	given := client.Limits{IngestConcurrency: t.IngestConcurrency, QueueDocuments: t.QueueDocuments, QueueBytes: t.QueueBytes}
	if given != (client.Limits{}) || t.Reset {
		wanted := found.Limits
		if t.Reset {
			wanted = client.Limits{}
		}
		for _, set := range []struct{ from, into **int64 }{
			{&given.IngestConcurrency, &wanted.IngestConcurrency}, {&given.QueueDocuments, &wanted.QueueDocuments}, {&given.QueueBytes, &wanted.QueueBytes},
		} {
			if *set.from != nil {
				*set.into = *set.from
			}
		}
		if found, err = platform.SetLimits(c.ctx, t.Ref, wanted); err != nil {
			return err
		}
	}
	if t.JSON {
		return printJSON(c.out, found.Limits)
	}
	return printTable(c.out, [][]string{
		{"LIMIT", "VALUE"},
		{"ingest_concurrency", limitText(found.Limits.IngestConcurrency)},
		{"queue_documents", limitText(found.Limits.QueueDocuments)},
		{"queue_bytes", limitText(found.Limits.QueueBytes)},
	})
}

func limitText(n *int64) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}

type tenantWorkers struct {
	platformAccess
	output
	Ref       string `arg:"" name:"tenant" help:"Its id or slug."`
	Dedicated bool   `xor:"who" required:"" help:"Leave its documents to lindero worker --tenant."`
	Shared    bool   `xor:"who" required:"" help:"Let the shared workers have them again."`
}

// Run changes the one feature and keeps the others.
func (t *tenantWorkers) Run(c *console) error {
	platform, err := t.platform()
	if err != nil {
		return err
	}
	found, err := platform.Tenant(c.ctx, t.Ref)
	if err != nil {
		return err
	}
	features := map[string]any{}
	if len(found.Features) > 0 {
		if err := json.Unmarshal(found.Features, &features); err != nil {
			return fmt.Errorf("the features of %s: %w", t.Ref, err)
		}
	}
	features["dedicated_workers"] = t.Dedicated
	body, err := json.Marshal(features)
	if err != nil {
		return err
	}
	updated, err := platform.UpdateTenant(c.ctx, t.Ref, client.TenantPatch{Features: body})
	if err != nil {
		return err
	}
	if t.Dedicated && !t.JSON {
		fmt.Fprintf(c.err, "the shared workers leave %s alone from now on; start: lindero worker --tenant %s\n", t.Ref, t.Ref)
	}
	return t.tenants(c, updated)
}
