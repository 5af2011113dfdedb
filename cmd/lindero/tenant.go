package main

import (
	"encoding/json"
	"fmt"

	"github.com/alecthomas/kong"

	"lindero/client"
)

// tenantCommand manages tenants over the platform plane.
type tenantCommand struct {
	Create   tenantCreate  `cmd:"" help:"Create a tenant."`
	List     tenantList    `cmd:"" help:"List tenants."`
	Show     tenantShow    `cmd:"" help:"Show one tenant."`
	Update   tenantUpdate  `cmd:"" help:"Change a tenant's name, plan or metadata."`
	Suspend  tenantState   `cmd:"" help:"Refuse all of a tenant's calls until it is activated."`
	Activate tenantState   `cmd:"" help:"Serve a suspended or trial tenant."`
	Limits   tenantLimits  `cmd:"" help:"Show or set a tenant's limits."`
	Workers  tenantWorkers `cmd:"" help:"Give a tenant workers of its own, or back to the shared ones."`
	Delete   tenantDelete  `cmd:"" help:"Delete a tenant and all of its data."`

	Placement tenantPlacement `cmd:"" help:"Show what serves a tenant's searches and where its collections lie, or move them."`
}

// output chooses between people and machines.
type output struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (o output) tenants(c *console, tenants ...client.Tenant) error {
	if o.JSON && len(tenants) == 1 {
		return printJSON(c.out, tenants[0])
	}
	if o.JSON {
		return printJSON(c.out, tenants)
	}
	rows := [][]string{{"SLUG", "NAME", "PLAN", "STATE", "CREATED", "ID"}}
	for _, t := range tenants {
		rows = append(rows, []string{t.Slug, t.Name, t.Plan, t.State, day(t.CreatedAt), t.ID})
	}
	return printTable(c.out, rows)
}

type tenantCreate struct {
	platformAccess
	output
	Slug     string `arg:"" help:"Its short name: a-z, 0-9 and -."`
	Name     string `help:"Its full name; the slug when left out."`
	Plan     string `default:"trial" enum:"trial,business,enterprise" help:"trial, business or enterprise."`
	Region   string `help:"Where it is to be served."`
	Vectors  string `help:"What serves its vector searches: pgvector or pinecone; the deployment's default when left out." enum:"pgvector,pinecone," default:""`
	Metadata string `help:"A JSON object of your own."`
}

func (t *tenantCreate) Run(c *console) error {
	platform, err := t.platform()
	if err != nil {
		return err
	}
	if t.Name == "" {
		t.Name = t.Slug
	}
	spec := client.TenantSpec{Slug: t.Slug, Name: t.Name, Plan: t.Plan, Region: t.Region, Metadata: json.RawMessage(t.Metadata)}
	if t.Vectors != "" {
		spec.Placement = &client.PlacementChoice{Vectors: t.Vectors}
	}
	created, err := platform.CreateTenant(c.ctx, spec)
	if err != nil {
		return err
	}
	return t.tenants(c, created)
}

type tenantList struct {
	platformAccess
	output
	State string `help:"Only tenants in this state."`
	Plan  string `help:"Only tenants of this plan."`
}

func (t *tenantList) Run(c *console) error {
	platform, err := t.platform()
	if err != nil {
		return err
	}
	tenants, err := client.Collect(platform.Tenants(c.ctx, t.State, t.Plan))
	if err != nil {
		return err
	}
	if t.JSON {
		return printJSON(c.out, append([]client.Tenant{}, tenants...))
	}
	return t.tenants(c, tenants...)
}

type tenantShow struct {
	platformAccess
	output
	Ref string `arg:"" name:"tenant" help:"Its id or slug."`
}

func (t *tenantShow) Run(c *console) error {
	platform, err := t.platform()
	if err != nil {
		return err
	}
	found, err := platform.Tenant(c.ctx, t.Ref)
	if err != nil {
		return err
	}
	return t.tenants(c, found)
}

type tenantUpdate struct {
	platformAccess
	output
	Ref      string  `arg:"" name:"tenant" help:"Its id or slug."`
	Name     *string `help:"Its new name."`
	Plan     *string `help:"Its new plan: trial, business or enterprise."`
	Metadata string  `help:"A JSON object in place of the old one."`
}

func (t *tenantUpdate) Run(c *console) error {
	platform, err := t.platform()
	if err != nil {
		return err
	}
	updated, err := platform.UpdateTenant(c.ctx, t.Ref, client.TenantPatch{Name: t.Name, Plan: t.Plan, Metadata: json.RawMessage(t.Metadata)})
	if err != nil {
		return err
	}
	return t.tenants(c, updated)
}

// tenantState serves suspend and activate, which differ in the call alone.
type tenantState struct {
	platformAccess
	output
	Ref string `arg:"" name:"tenant" help:"Its id or slug."`
}

func (t *tenantState) Run(c *console, command *kong.Context) error {
	platform, err := t.platform()
	if err != nil {
		return err
	}
	change := platform.ActivateTenant
	if command.Selected().Name == "suspend" {
		change = platform.SuspendTenant
	}
	changed, err := change(c.ctx, t.Ref)
	if err != nil {
		return err
	}
	return t.tenants(c, changed)
}

type tenantDelete struct {
	platformAccess
	output
	Ref string `arg:"" name:"tenant" help:"Its id or slug."`
	Yes bool   `help:"Do not ask: everything of the tenant goes for good."`
}

func (t *tenantDelete) Run(c *console) error {
	if !t.Yes {
		return usageError{"deleting " + t.Ref + " removes all of its documents and keys for good; say --yes if that is meant"}
	}
	platform, err := t.platform()
	if err != nil {
		return err
	}
	deleted, err := platform.DeleteTenant(c.ctx, t.Ref)
	if err != nil {
		return err
	}
	if t.JSON {
		return printJSON(c.out, deleted)
	}
	if len(deleted.Receipt) > 0 {
		fmt.Fprintf(c.out, "%s is gone. Receipt: %s\n", t.Ref, deleted.Receipt)
		return nil
	}
	fmt.Fprintf(c.out, "%s is being deleted; its slug is free at once. Ask again with its id for the receipt: lindero tenant delete --yes %s\n", t.Ref, deleted.ID)
	return nil
}
