package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lindero/fault"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want fault.Code
	}{
		"nil":           {nil, ""},
		"ours":          {fault.New(fault.Conflict, "x"), fault.Conflict},
		"no row":        {pgx.ErrNoRows, fault.NotFound},
		"shutting down": {&pgconn.PgError{Code: "57P01"}, fault.Unavailable},
		"too many":      {&pgconn.PgError{Code: "53300"}, fault.Unavailable},
		"deadlock":      {&pgconn.PgError{Code: "40P01"}, fault.Unavailable},
		"duplicate":     {&pgconn.PgError{Code: "23505"}, fault.Conflict},
		"syntax":        {&pgconn.PgError{Code: "42601"}, fault.Internal},
		"refused":       {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, fault.Unavailable},
		"cut off":       {fmt.Errorf("read: %w", io.ErrUnexpectedEOF), fault.Unavailable},
		"closed":        {errors.New("conn closed"), fault.Unavailable},
		"our scan":      {pgx.ScanArgError{Err: errors.New("cannot scan text into *int")}, fault.Internal},
	} {
		if got := fault.CodeOf(translate(c.err)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if err := translate(fmt.Errorf("x: %w", context.Canceled)); !errors.Is(err, context.Canceled) || fault.Is(err, fault.Unavailable) {
		t.Errorf("cancelled: %v", err)
	}
}
