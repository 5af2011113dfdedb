package jobs

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"lindero/store"
	"lindero/store/postgres"
	"lindero/store/queue"
	"lindero/webhook"
)

const (
	// attemptsAtOnce bounds a tenant's attempts under way, and attemptsPerWebhook those of one webhook.
	attemptsAtOnce     = 8
	attemptsPerWebhook = 4
	// lookAgain is how soon a turn that waits for a slow receiver notices deliveries to others.
	lookAgain = 500 * time.Millisecond
)

// deliveryTurn is one run of a tenant's delivery job. Attempts run at once; outcomes are recorded one by one.
type deliveryTurn struct {
	worker    *deliverWorker
	handle    *postgres.Handle
	log       *slog.Logger
	tenant    string
	job       int64
	began     time.Time
	attempted int
	underWay  map[uuid.UUID]store.DueDelivery
	ended     chan attempt
}

// attempt is a delivery with what became of it.
type attempt struct {
	delivery store.DueDelivery
	outcome  store.DeliveryOutcome
	took     time.Duration
}

func newDeliveryTurn(w *deliverWorker, job *river.Job[queue.Deliver], log *slog.Logger) *deliveryTurn {
	return &deliveryTurn{
		worker: w, handle: w.jobs.handle(job.Args.TenantID), log: log, tenant: job.Args.TenantID.String(), job: job.ID,
		began: time.Now(), underWay: map[uuid.UUID]store.DueDelivery{}, ended: make(chan attempt, attemptsAtOnce),
	}
}

// run attempts until nothing is due, or until it is time to rest: then it reports true. It returns when no attempt
// is under way any more.
func (t *deliveryTurn) run(ctx context.Context) (rest bool, err error) {
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		if !rest && err == nil && ctx.Err() == nil {
			err = t.start(ctx)
		}
		if len(t.underWay) == 0 {
			return rest, err
		}
		select {
		case done := <-t.ended:
			delete(t.underWay, done.delivery.ID)
			// An attempt that was broken off is no failure of the receiver's: it will be made again.
			if ctx.Err() == nil {
				err = errors.Join(err, t.record(ctx, done))
			}
		case <-again.C:
			rest = rest || t.worker.mustRest(ctx, t.job, t.began)
		}
	}
}

// start begins as many attempts as may run at once.
func (t *deliveryTurn) start(ctx context.Context) error {
	if len(t.underWay) >= attemptsAtOnce {
		return nil
	}
	skip := make([]uuid.UUID, 0, len(t.underWay))
	busy := map[uuid.UUID]int{}
	for id, d := range t.underWay {
		skip = append(skip, id)
		busy[d.WebhookID]++
	}
	var due []store.DueDelivery
	err := t.worker.using(ctx, func() (err error) {
		due, err = t.handle.DueDeliveries(ctx, attemptsPerWebhook, skip)
		return err
	})
	for _, d := range due {
		atOnce := attemptsPerWebhook
		if d.Failing {
			atOnce = 1 // whether it has recovered, one attempt tells as well as four
		}
		if len(t.underWay) < attemptsAtOnce && busy[d.WebhookID] < atOnce {
			busy[d.WebhookID]++
			t.underWay[d.ID] = d
			t.attempted++
			go t.attempt(ctx, d)
		}
	}
	return err
}

func (t *deliveryTurn) attempt(ctx context.Context, d store.DueDelivery) {
	began := time.Now()
	outcome := t.worker.jobs.cfg.Webhooks.Send(ctx, d)
	t.ended <- attempt{d, outcome, time.Since(began)}
}

// record writes an outcome down and decides whether and when there is another attempt.
func (t *deliveryTurn) record(ctx context.Context, a attempt) error {
	if !a.outcome.Delivered {
		a.outcome.Retry = webhook.RetryAfter(a.delivery.Attempts+1, a.delivery.Age+a.took, rand.Float64(), a.outcome.Retry)
	}
	var expired int64
	err := t.worker.using(ctx, func() (err error) {
		expired, err = t.handle.RecordDelivery(ctx, a.delivery, a.outcome)
		return err
	})
	if err == nil {
		t.count(ctx, a, expired)
	}
	return err
}

func (t *deliveryTurn) count(ctx context.Context, a attempt, expired int64) {
	outcome := "delivered"
	switch {
	case a.outcome.Delivered:
	case a.outcome.Retry > 0:
		outcome = "retried"
	default:
		outcome = "given_up"
		t.log.WarnContext(ctx, "a webhook delivery was given up", "webhook", a.delivery.WebhookID, "delivery", a.delivery.ID,
			"attempts", a.delivery.Attempts+1, "reason", a.outcome.Code)
	}
	deliveriesDone.WithLabelValues(t.tenant, outcome).Inc()
	attemptTime.Observe(a.took.Seconds())
	if expired > 0 {
		deliveriesDone.WithLabelValues(t.tenant, "given_up").Add(float64(expired))
		t.log.WarnContext(ctx, "webhook deliveries were given up that waited for a day", "webhook", a.delivery.WebhookID, "deliveries", expired)
	}
}
