package migrations

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Passwords gives the log-in roles the passwords that their URLs carry, so that one set of URLs both sets up and
// runs a deployment. URLs that are empty or without a password change nothing; one of another role is refused.
func Passwords(ctx context.Context, ownerURL string, roleURLs ...string) error {
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, raw := range roleURLs {
		parsed, err := url.Parse(raw)
		if err != nil {
			return fmt.Errorf("a database URL cannot be parsed")
		}
		password, given := parsed.User.Password()
		if !given || password == "" {
			continue
		}
		role := parsed.User.Username()
		if !slices.Contains([]string{"lindero_app", "lindero_platform"}, role) {
			return fmt.Errorf("the server's URLs must name the roles lindero_app and lindero_platform, not %q", role)
		}
		// ALTER ROLE takes no parameters; the server itself quotes the literal.
		var statement string
		if err := conn.QueryRow(ctx, `SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)`, role, password).Scan(&statement); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("set the password of %s: %w", role, err)
		}
	}
	return nil
}
