package migrations

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// loginRoles are the roles whose passwords Passwords sets.
var loginRoles = []string{"lindero_app", "lindero_platform"}

const (
	scramIterations = 4096 // PostgreSQL's default
	passwordTries   = 5
)

// Passwords gives lindero_app and lindero_platform the passwords that their URLs carry, so that a deployment
// needs nothing but its three URLs. A URL that is empty or without a password changes nothing, nor does one that
// can log in already; one of another role is refused. The role of ownerURL must be allowed to change the others.
func Passwords(ctx context.Context, ownerURL string, loginURLs ...string) error {
	for _, url := range loginURLs {
		if url == "" {
			continue
		}
		config, err := pgx.ParseConfig(url)
		if err != nil {
			return errors.New("a database URL cannot be parsed") // the parser's error may quote the password
		}
		if config.Password == "" {
			continue
		}
		if !slices.Contains(loginRoles, config.User) {
			return fmt.Errorf("the server's URLs must name the roles lindero_app and lindero_platform, not %q", config.User)
		}
		if canLogIn(ctx, config) {
			continue
		}
		if err := setPassword(ctx, ownerURL, config.User, config.Password); err != nil {
			return fmt.Errorf("set the password of %s: %w", config.User, err)
		}
	}
	return nil
}

func canLogIn(ctx context.Context, config *pgx.ConnConfig) bool {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false
	}
	_ = conn.Close(ctx)
	return true
}

// setPassword sends a SCRAM verifier, as psql's \password does: the password itself appears in no log.
func setPassword(ctx context.Context, ownerURL, role, password string) error {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	verifier, err := scramVerifier(password, salt)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var statement string
	if err := conn.QueryRow(ctx, `SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)`, role, verifier).Scan(&statement); err != nil {
		return err
	}
	for try := 1; ; try++ {
		_, err = conn.Exec(ctx, statement)
		// Roles belong to the cluster, and another database's migration may change the same row at once.
		var pg *pgconn.PgError
		if try < passwordTries && errors.As(err, &pg) && pg.Code == "XX000" {
			continue
		}
		return err
	}
}

// scramVerifier is what pg_authid keeps, RFC 5803: SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>.
func scramVerifier(password string, salt []byte) (string, error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, scramIterations, sha256.Size)
	if err != nil {
		return "", err
	}
	sign := func(text string) []byte {
		mac := hmac.New(sha256.New, salted)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	stored := sha256.Sum256(sign("Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", scramIterations, encode(salt), encode(stored[:]), encode(sign("Server Key"))), nil
}
