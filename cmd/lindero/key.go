package main

import (
	"fmt"
	"time"

	"lindero/client"
)

// keyCommand manages a tenant's API keys over the platform plane.
type keyCommand struct {
	Create keyCreate `cmd:"" help:"Make a key; its secret is shown once."`
	List   keyList   `cmd:"" help:"List a tenant's keys."`
	Revoke keyRevoke `cmd:"" help:"Revoke a key at once."`
}

type keyCreate struct {
	platformAccess
	output
	Tenant  string        `arg:"" help:"The tenant's id or slug."`
	Name    string        `default:"default" help:"What the key is for."`
	Role    string        `default:"writer" enum:"reader,writer,admin" help:"reader, writer or admin."`
	Expires time.Duration `help:"How long it is valid, such as 720h; for ever when left out."`
}

func (k *keyCreate) Run(c *console) error {
	platform, err := k.platform()
	if err != nil {
		return err
	}
	spec := client.KeySpec{Name: k.Name, Role: k.Role}
	if k.Expires > 0 {
		expires := time.Now().Add(k.Expires)
		spec.ExpiresAt = &expires
	}
	key, err := platform.CreateKey(c.ctx, k.Tenant, spec)
	if err != nil {
		return err
	}
	if k.JSON {
		return printJSON(c.out, key)
	}
	fmt.Fprintln(c.out, key.Secret)
	fmt.Fprintf(c.err, "Key %s of role %s. Keep it: it is not shown again.\n", key.ID, key.Role)
	return nil
}

type keyList struct {
	platformAccess
	output
	Tenant string `arg:"" help:"The tenant's id or slug."`
}

func (k *keyList) Run(c *console) error {
	platform, err := k.platform()
	if err != nil {
		return err
	}
	keys, err := client.Collect(platform.Keys(c.ctx, k.Tenant))
	if err != nil {
		return err
	}
	if k.JSON {
		return printJSON(c.out, append([]client.Key{}, keys...))
	}
	rows := [][]string{{"ID", "NAME", "ROLE", "CREATED", "EXPIRES", "REVOKED"}}
	for _, key := range keys {
		rows = append(rows, []string{key.ID, key.Name, key.Role, day(key.CreatedAt), maybeDay(key.ExpiresAt), maybeDay(key.RevokedAt)})
	}
	return printTable(c.out, rows)
}

func maybeDay(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return day(*t)
}

type keyRevoke struct {
	platformAccess
	Tenant string `arg:"" help:"The tenant's id or slug."`
	ID     string `arg:"" help:"The key's id, as lindero key list shows it."`
}

func (k *keyRevoke) Run(c *console) error {
	platform, err := k.platform()
	if err != nil {
		return err
	}
	return platform.RevokeKey(c.ctx, k.Tenant, k.ID)
}
