package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"strings"

	"lindero/fault"
)

// once makes a bulk request with an Idempotency-Key happen once. Without a key it does nothing.
type once struct {
	st     Storage
	key    string
	source hashed
	replay *answer[bulkView] // the first answer, when there was one
}

// kept is a first answer with the hash of the body it answered. The hash stands here because that of a stream is
// known only when the stream is over, long after the key was claimed.
type kept struct {
	Body []byte   `json:"body"`
	View bulkView `json:"view"`
}

// beginOnce claims the request's key, or finds the first answer. A body that is known whole is compared by
// storage at once; a stream that may be a replay is read to its end before anything is answered.
func beginOnce(ctx context.Context, st Storage, in *bulkParams, src hashed) (*once, error) {
	o := &once{st: st, key: in.Key, source: src}
	if in.Key == "" {
		return o, nil
	}
	if strings.ContainsFunc(in.Key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return o, fault.InvalidField("header.Idempotency-Key", nil, "must be printable ASCII")
	}
	stored, err := st.BeginIdempotent(ctx, in.Key, requestHash(in.Name, src))
	if err != nil || stored == nil {
		return o, err
	}
	var first kept
	if err := json.Unmarshal(stored.Body, &first); err != nil {
		return o, fault.Wrap(err, fault.Internal, "a kept answer cannot be read")
	}
	if err := src.drain(); err != nil {
		return o, err
	}
	if sum, _ := src.sum(); !bytes.Equal(sum, first.Body) {
		return o, fault.New(fault.IdempotencyMismatch, "this Idempotency-Key was used with another body; use a new key")
	}
	o.replay = answerBulk(first.View)
	return o, nil
}

// requestHash identifies the request as far as it is known before the body is read.
func requestHash(collection string, src hashed) []byte {
	h := sha256.New()
	h.Write([]byte("bulk\x00" + collection + "\x00" + src.kind() + "\x00"))
	if sum, whole := src.sum(); whole {
		h.Write(sum)
	}
	return h.Sum(nil)
}

// finish keeps the answer. The documents are in already, so it happens also when the client has gone.
func (o *once) finish(ctx context.Context, view bulkView) error {
	if o.key == "" {
		return nil
	}
	sum, _ := o.source.sum()
	body, err := json.Marshal(kept{Body: sum, View: view})
	if err != nil {
		return err
	}
	return o.st.FinishIdempotent(context.WithoutCancel(ctx), o.key, 202, body)
}

// abandon frees the key, so that the request can be sent again.
func (o *once) abandon(ctx context.Context) {
	if o.key != "" {
		_ = o.st.AbandonIdempotent(context.WithoutCancel(ctx), o.key) // else it is free again after a minute
	}
}
