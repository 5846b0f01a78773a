package publisher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/outbound"
	"prepayledger/eventstore"
)

// Marks in the metadata of a stream of events.
const (
	// stateKey says how far a generation is; without it, it was made as the
	// first and is in use.
	stateKey     = "prepay_state"
	stateFilling = "filling"
	stateActive  = "active"
	stateRetired = "retired"
	// SuccessorKey names, in a retired generation, the one after it.
	SuccessorKey = "prepay_successor"
)

// RepairOptions of a repair.
type RepairOptions struct {
	// Streams are the limits of the new generation.
	Streams natsbus.StreamOptions
	// Source names the ledger in ce-source; empty is DefaultSource.
	Source string
	// Published is outbound's checkpoint, as for Verify.
	Published eventstore.Position
	// Force makes a new generation also of a stream that is right.
	Force bool
	// Logger takes what the operator should know; nil is silence.
	Logger *zap.Logger
}

// Repaired says what a repair did.
type Repaired struct {
	// Found is what was wrong; it is empty when a repair that had been cut
	// short was finished.
	Found Report `json:"found"`
	// Old and New are the generations; New is empty if nothing had to be done.
	Old string `json:"old_stream"`
	New string `json:"new_stream"`
	// First is the first sequence of the new generation, Filled counts its
	// messages.
	First  uint64 `json:"first_sequence"`
	Filled uint64 `json:"filled"`
}

// Repair makes a new generation of the stream of events from the log, if the
// current one is not right: JetStream can't insert into a hole. Every event
// gets the sequence that it had, so that consumers go on where they were. Each
// step can be cut short; called again, the repair goes on.
//
// Events reach the new generation over subjects of its own, so nobody who
// listens to the events hears them again. Then the old generation gives the
// subjects away, what came meanwhile is filled, and the new one takes them;
// a publisher that runs waits for that moment and goes on.
func Repair(ctx context.Context, nc *nats.Conn, store eventstore.Store, opts RepairOptions) (Repaired, error) {
	js, err := asyncJetStream(nc)
	if err != nil {
		return Repaired{}, err
	}
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	if opts.Source == "" {
		opts.Source = DefaultSource
	}
	r := repair{js: js, store: store, opts: opts, walker: newWalker(store)}
	if err := r.look(ctx); err != nil {
		return r.done, err
	}
	if r.filling == nil {
		if r.done.Found, err = verify(ctx, r.current, store, VerifyOptions{Published: opts.Published}); err != nil {
			return r.done, err
		}
		if r.done.Found.OK() && !opts.Force {
			return r.done, nil
		}
		if err := r.create(ctx); err != nil {
			return r.done, err
		}
	}
	r.done.New = r.filling.CachedInfo().Config.Name
	for _, step := range []func(context.Context) error{r.fill, r.retire, r.fill, r.activate} {
		if err := step(ctx); err != nil {
			return r.done, fmt.Errorf("fill %s from the log: %w; call `prepay nats repair` again, it goes on where it stopped", r.done.New, err)
		}
	}
	return r.done, nil
}

// repair is a repair under way.
type repair struct {
	js      jetstream.JetStream
	store   eventstore.Store
	opts    RepairOptions
	walker  *walker
	current jetstream.Stream // has the subjects of events; nil if none does
	filling jetstream.Stream // is to have them
	newest  int              // generation
	done    Repaired
}

// look finds the current generation and one that is being filled.
func (r *repair) look(ctx context.Context) error {
	var err error
	if r.current, err = natsbus.CurrentEvents(ctx, r.js); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	for g := natsbus.MaxGeneration; g >= 1; g-- {
		s, err := r.js.Stream(ctx, natsbus.EventsName(g))
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		r.newest = max(r.newest, g)
		switch metadata := s.CachedInfo().Config.Metadata; {
		case metadata[stateKey] == stateFilling && g == r.newest:
			r.filling = s
		case r.current == nil && metadata[stateKey] == stateRetired && r.done.Old == "":
			r.done.Old = s.CachedInfo().Config.Name
		}
	}
	if r.current != nil {
		r.done.Old = r.current.CachedInfo().Config.Name
	}
	if r.current == nil && r.filling == nil {
		return errors.New("there is no stream of events to repair: start the ledger once, it sets one up")
	}
	return nil
}

// create makes the next generation, which takes nothing but what is filled.
func (r *repair) create(ctx context.Context) error {
	g := r.newest + 1
	if g > natsbus.MaxGeneration {
		return fmt.Errorf("the stream of events was made anew %d times, more is not provided for: delete retired generations that nobody reads, the newest among them", natsbus.MaxGeneration)
	}
	c := natsbus.EventsConfig(g, r.opts.Streams)
	c.FirstSeq = r.done.Found.First
	c.Subjects = []string{fillPrefix(g) + ">"}
	c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: fillPrefix(g) + ">", Destination: natsbus.EventsPrefix + ">"}
	c.Metadata[stateKey] = stateFilling
	s, err := r.js.CreateStream(ctx, c)
	if err != nil {
		return fmt.Errorf("make the stream %s: %w", c.Name, err)
	}
	r.filling = s
	return nil
}

// fillPrefix begins the subjects by which a generation is filled.
func fillPrefix(generation int) string {
	return "prepay_fill." + strconv.Itoa(generation) + "."
}

// fill publishes what the new generation lacks, up to the log's end.
func (r *repair) fill(ctx context.Context) error {
	info, err := r.filling.Info(ctx)
	if err != nil {
		return err
	}
	first := max(info.Config.FirstSeq, 1)
	s := sender{js: r.js, stream: info.Config.Name, sequence: max(info.State.LastSeq, first-1)}
	prefix := strings.TrimSuffix(info.Config.Subjects[0], ">")
	err = r.walker.each(ctx, func(c *outbound.Change, ordinal uint64) (bool, error) {
		if ordinal == s.sequence && s.sequence >= first {
			s.id = c.ID.String()
		}
		if ordinal <= s.sequence {
			return true, nil
		}
		m := message(c, r.opts.Source)
		m.Subject = prefix + strings.TrimPrefix(m.Subject, natsbus.EventsPrefix)
		return true, s.send(ctx, m)
	})
	if err == nil {
		err = s.wait(ctx, 0)
	}
	r.done.First, r.done.Filled = first, s.sequence-(first-1)
	return err
}

// retire takes the subjects of events from the old generation. From here until
// activate, publishers wait.
func (r *repair) retire(ctx context.Context) error {
	if r.current == nil {
		return nil // a former repair came as far
	}
	c := r.current.CachedInfo().Config
	c.Subjects = []string{"prepay_retired." + c.Name + ".>"}
	c.SubjectTransform = nil
	c.Metadata = mark(c.Metadata, stateRetired)
	c.Metadata[SuccessorKey] = r.done.New
	if err := r.update(ctx, c); err != nil {
		return err
	}
	r.opts.Logger.Info("generation of the stream of events retired", zap.String("stream", c.Name), zap.String("successor", r.done.New))
	return nil
}

// activate gives the subjects of events to the new generation.
func (r *repair) activate(ctx context.Context) error {
	c := r.filling.CachedInfo().Config
	c.Subjects = []string{natsbus.EventsPrefix + ">"}
	c.SubjectTransform = nil
	c.Metadata = mark(c.Metadata, stateActive)
	return r.update(ctx, c)
}

// update changes a stream's settings. A cluster that has just lost a server may
// do so and never answer: then the settings themselves tell.
func (r *repair) update(ctx context.Context, c jetstream.StreamConfig) error {
	short, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := r.js.UpdateStream(short, c)
	if err == nil || !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return err
	}
	s, looked := r.js.Stream(ctx, c.Name)
	if looked == nil && slices.Equal(s.CachedInfo().Config.Subjects, c.Subjects) && s.CachedInfo().Config.Metadata[stateKey] == c.Metadata[stateKey] {
		return nil
	}
	return errors.Join(err, looked)
}

// mark sets the state in a stream's metadata; what the server wrote there is
// its own.
func mark(metadata map[string]string, state string) map[string]string {
	m := maps.Clone(metadata)
	if m == nil {
		m = map[string]string{}
	}
	maps.DeleteFunc(m, func(key, _ string) bool { return strings.HasPrefix(key, "_nats.") })
	m[stateKey] = state
	return m
}

// Generations returns the names of the streams of events that exist, oldest
// first; all but the last are retired, and may be deleted by the operator when
// nobody reads them any more.
func Generations(ctx context.Context, js jetstream.JetStream) ([]string, error) {
	var names []string
	for g := 1; g <= natsbus.MaxGeneration; g++ {
		_, err := js.Stream(ctx, natsbus.EventsName(g))
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		names = append(names, natsbus.EventsName(g))
	}
	return slices.Clip(names), nil
}
