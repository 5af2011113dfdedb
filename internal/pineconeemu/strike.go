package pineconeemu

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

var kindCodes = map[Kind]codes.Code{
	Unavailable: codes.Unavailable, ResourceExhausted: codes.ResourceExhausted, DeadlineExceeded: codes.DeadlineExceeded,
	Internal: codes.Internal, Drop: codes.Unavailable, Unimplemented: codes.Unimplemented,
}

// before is the fault's part ahead of the effect; an error ends the call.
func (s *strike) before(ctx context.Context, x *index) error {
	if s.happensAfter() {
		return nil
	}
	if err := s.pause(ctx); err != nil {
		return err
	}
	return s.fail(ctx, x)
}

// after is the fault's part once the effect has happened, or was refused.
func (s *strike) after(ctx context.Context, x *index, response proto.Message, err error) (any, error) {
	if !s.happensAfter() {
		return response, err
	}
	if pauseErr := s.pause(ctx); pauseErr != nil {
		return nil, pauseErr
	}
	if failure := s.fail(ctx, x); failure != nil {
		return nil, failure
	}
	if err != nil {
		return nil, err
	}
	switch s.Kind {
	case Truncate:
		return truncated{response}, nil
	case Partial:
		halve(response.ProtoReflect())
	}
	return response, nil
}

func (s *strike) happensAfter() bool { return s.Applied || s.Kind == Truncate || s.Kind == Partial }

// pause waits as the fault says, and returns the caller's reason when the caller gives up first.
func (s *strike) pause(ctx context.Context) error {
	var err error
	if s.Kind == Slow && s.Delay == 0 {
		select {
		case <-s.gone:
		case <-ctx.Done():
			err = ctx.Err()
		}
	} else {
		err = wait(ctx, s.Delay)
	}
	if err != nil {
		return status.FromContextError(err).Err()
	}
	return nil
}

// wait lasts for d or until the caller has given up, and says which.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fail is the error the caller gets; nil for the kinds that answer.
func (s *strike) fail(ctx context.Context, x *index) error {
	code, fails := kindCodes[s.Kind]
	if !fails {
		return nil
	}
	if s.Kind == Drop {
		if p, ok := peer.FromContext(ctx); ok {
			x.listener.reset(p.Addr.String())
		}
	}
	return status.Errorf(code, "injected fault: %s", s.Kind)
}

// halve removes the second half of every list and map of a message.
func halve(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsList():
			v.List().Truncate(v.List().Len() / 2)
		case f.IsMap():
			var keys []protoreflect.MapKey
			v.Map().Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool { keys = append(keys, k); return true })
			for _, k := range keys[len(keys)/2:] {
				v.Map().Clear(k)
			}
		}
		return true
	})
}
