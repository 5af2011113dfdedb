package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"

	"lindero/client"
)

// Config says where to load the demo. All fields are required.
type Config struct {
	URL      string // of the server
	AdminKey string // platform key
	File     string // keeps the demo's keys between runs, readable by its owner only
}

// Access is a demo tenant and the key that opens it.
type Access struct {
	Tenant
	Key string
}

// entry is what the file keeps of one tenant. Loaded is set once, so that documents a user has deleted or changed
// stay that way.
type entry struct {
	Key    string `json:"key"`
	Loaded bool   `json:"loaded"`
}

// loader is one call of Load.
type loader struct {
	cfg      Config
	platform client.Platform
	kept     map[string]entry
}

// Load makes sure that the demo's tenants exist with working keys and had their documents indexed once. It can be
// interrupted anywhere and called again.
func Load(ctx context.Context, cfg Config) ([]Access, error) {
	operator, err := client.New(client.Config{URL: cfg.URL, Key: cfg.AdminKey})
	if err != nil {
		return nil, err
	}
	l := &loader{cfg: cfg, platform: operator.Platform()}
	if l.kept, err = read(cfg.File); err != nil {
		return nil, err
	}
	var access []Access
	for _, t := range Tenants {
		if err := l.tenant(ctx, t); err != nil {
			return nil, fmt.Errorf("demo tenant %s: %w", t.Slug, err)
		}
		access = append(access, Access{Tenant: t, Key: l.kept[t.Slug].Key})
	}
	return access, nil
}

func (l *loader) tenant(ctx context.Context, t Tenant) error {
	works, err := l.keyWorks(ctx, l.kept[t.Slug].Key)
	if err != nil {
		return err
	}
	if !works {
		if err := l.newKey(ctx, t); err != nil {
			return err
		}
	}
	if l.kept[t.Slug].Loaded {
		return nil
	}
	if err := l.documents(ctx, t); err != nil {
		return err
	}
	return l.keep(t.Slug, entry{Key: l.kept[t.Slug].Key, Loaded: true})
}

// keyWorks is false for no key and for one that the server does not accept, of an older database for instance.
func (l *loader) keyWorks(ctx context.Context, key string) (bool, error) {
	if key == "" {
		return false, nil
	}
	c, err := client.New(client.Config{URL: l.cfg.URL, Key: key})
	if err != nil {
		return false, err
	}
	_, err = c.Collection(ctx, "default")
	var refused *client.Error
	if errors.As(err, &refused) && refused.Status < http.StatusInternalServerError {
		return false, nil
	}
	return err == nil, err
}

func (l *loader) newKey(ctx context.Context, t Tenant) error {
	_, err := l.platform.CreateTenant(ctx, client.TenantSpec{Slug: t.Slug, Name: t.Name, Plan: "business"})
	if err != nil && client.Code(err) != "conflict" {
		return err
	}
	key, err := l.platform.CreateKey(ctx, t.Slug, client.KeySpec{Name: "demo", Role: "admin"})
	if err != nil {
		return err
	}
	return l.keep(t.Slug, entry{Key: key.Secret})
}

func (l *loader) documents(ctx context.Context, t Tenant) error {
	documents, err := Documents(t.Slug)
	if err != nil {
		return err
	}
	c, err := client.New(client.Config{URL: l.cfg.URL, Key: l.kept[t.Slug].Key})
	if err != nil {
		return err
	}
	bulk, err := c.PutDocuments(ctx, "default", documents)
	if err != nil {
		return err
	}
	if len(bulk.Rejected) > 0 {
		return fmt.Errorf("document %s was refused: %s", bulk.Rejected[0].ID, bulk.Rejected[0].Detail)
	}
	operation, err := c.WaitOperation(ctx, bulk.Operation.ID, nil)
	if err == nil && operation.Counts.Failed > 0 {
		err = fmt.Errorf("%d documents could not be indexed; the first is %+v", operation.Counts.Failed, operation.Errors[0])
	}
	return err
}

func (l *loader) keep(slug string, e entry) error {
	l.kept[slug] = e
	content, err := json.MarshalIndent(l.kept, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(l.cfg.File, content)
}

func read(file string) (map[string]entry, error) {
	kept := map[string]entry{}
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return kept, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(content, &kept); err != nil {
		return nil, fmt.Errorf("%s is damaged; remove it to get new demo keys: %w", file, err)
	}
	return kept, nil
}

// replaceFile writes beside and renames: a crash leaves the old content or the new one, never half of it.
func replaceFile(file string, content []byte) error {
	beside := file + ".new"
	if err := os.WriteFile(beside, content, 0o600); err != nil {
		return err
	}
	return os.Rename(beside, file)
}
