package runindex

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestMergingKeepsRunsFewAndWorkSmall plays the merge policy with sizes
// alone, up to 300 million entries.
func TestMergingKeepsRunsFewAndWorkSmall(t *testing.T) {
	opts, err := Options{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	var runs []*run
	written, total, most := uint64(0), uint64(0), 0
	for total < 300_000_000 {
		table := uint64(opts.TableEntries)
		runs = append([]*run{{entries: table}}, runs...)
		total += table
		written += table
		for from, to := opts.pickMerge(runs); to > 0; from, to = opts.pickMerge(runs) {
			sum := sumEntries(runs[from:to])
			if sum > uint64(opts.MaxRunEntries) || to-from < opts.FanIn {
				t.Fatalf("merge of %d runs, %d entries", to-from, sum)
			}
			written += sum
			runs = append(append(append([]*run(nil), runs[:from]...), &run{entries: sum}), runs[to:]...)
		}
		if total < 100_000_000 {
			most = max(most, len(runs))
		}
	}
	if most > 12 {
		t.Errorf("%d runs before 100 million entries, want at most 12", most)
	}
	if len(runs) > 9+300/32 {
		t.Errorf("%d runs at the end", len(runs))
	}
	if amplification := float64(written) / float64(total); amplification > 4 {
		t.Errorf("every entry is written %.1f times", amplification)
	}
}

// TestMergePolicyNeverStarves: whatever the sizes, a backlog that makes Put
// wait is one that gets merged.
func TestMergePolicyNeverStarves(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	opts, err := small.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	x := &Index{opts: opts}
	for range 2000 {
		x.runs = nil
		for range rng.IntN(30) {
			x.runs = append(x.runs, &run{entries: 1 + rng.Uint64N(1<<rng.Uint64N(21))})
		}
		for range rng.IntN(8) { // the newest ones
			x.runs = append([]*run{{entries: 1 + rng.Uint64N(uint64(2*opts.TableEntries))}}, x.runs...)
		}
		from, to := opts.pickMerge(x.runs)
		if x.backlog() >= opts.MaxBacklog && to == 0 {
			t.Fatalf("backlog of %d and nothing to merge", x.backlog())
		}
		if to > 0 && (from < 0 || to > len(x.runs) || to-from < opts.FanIn || to-from > maxMergeInputs*opts.FanIn) {
			t.Fatalf("merge of %d..%d of %d runs", from, to, len(x.runs))
		}
	}
}

// TestLookupsDuringSealsAndMerges: what was put is found at every moment.
func TestLookupsDuringSealsAndMerges(t *testing.T) {
	const total = 20_000
	x := open(t, t.TempDir(), Options{TableEntries: 300, FanIn: 2, MaxRunEntries: 1 << 20, MaxBacklog: 4, fsync: noSync})
	var known atomic.Uint64 // keys below were put
	var readers sync.WaitGroup
	for r := range uint64(3) {
		readers.Go(func() {
			rng := rand.New(rand.NewPCG(r, 1))
			keys := make([]Key, 100)
			for n := known.Load(); n < total; n = known.Load() {
				for i := range keys { // even ones are known, odd ones never are
					keys[i] = keyNumber(rng.Uint64N(n + 1))
					if i%2 == 1 || n == 0 {
						keys[i] = keyNumber(total + rng.Uint64())
					}
				}
				found := 0
				err := x.LookupAll(context.Background(), keys, func(i int, _ []Entry) error {
					found += 1 + i%2*1000
					return nil
				})
				if err != nil || n > 0 && found != len(keys)/2 {
					t.Errorf("%d of %d known keys found: %v", found, len(keys)/2, err)
					return
				}
			}
		})
	}
	for i := uint64(0); i < total; i++ {
		put(t, x, entry(i, 1, 0, 1))
		known.Store(i)
	}
	known.Store(total)
	readers.Wait()
	quiet(t, x)
	if s := x.Stats(); s.Merges < 10 || s.Seals < 50 {
		t.Errorf("%+v: hardly anything happened", s)
	}
	runs := x.runs
	closeIndex(t, x)
	for _, r := range runs {
		if n := r.refs.Load(); n != 0 {
			t.Errorf("a run has %d references after Close", n)
		}
	}
}

// TestPutWaitsForTheDisk: memory stays bounded when nothing gets written.
func TestPutWaitsForTheDisk(t *testing.T) {
	var blocked atomic.Bool
	proceed := make(chan struct{})
	opts := small
	opts.fsync = func(*os.File) error {
		if blocked.Load() {
			<-proceed
		}
		return nil
	}
	x := open(t, t.TempDir(), opts)
	blocked.Store(true)
	ctx, cancel := context.WithCancel(context.Background())
	// Two tables have room: one waits for the disk, one is filled. The Put
	// after them must wait; the context ends once it does.
	done := make(chan error)
	go func() {
		for i := uint64(0); ; i++ {
			if err := x.Put(ctx, entry(i, 1, 0, 1)); err != nil {
				done <- err
				return
			}
		}
	}()
	for x.Stats().Stalls == 0 {
		select {
		case err := <-done:
			t.Fatal(err)
		default:
		}
	}
	if n := x.Stats().InMemory; n != 2*opts.TableEntries {
		t.Errorf("%d entries in memory, want two tables of %d", n, opts.TableEntries)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("waiting Put: %v, want the context's error", err)
	}
	mustFind(t, x, keyNumber(1), entry(1, 1, 0, 1)) // lookups don't wait
	blocked.Store(false)
	close(proceed)
	put(t, x, entry(1000, 1, 0, 1)) // and it goes on
	mustFind(t, x, keyNumber(1000), entry(1000, 1, 0, 1))
	closeIndex(t, x)
}

// TestPutWaitsForMerges: the number of runs stays bounded too.
func TestPutWaitsForMerges(t *testing.T) {
	opts := small
	opts.MaxBacklog = 3
	x := open(t, t.TempDir(), opts)
	defer closeIndex(t, x)
	for i := range uint64(5000) {
		put(t, x, entry(i, 1, 0, 1))
		x.mu.RLock()
		backlog := x.backlog()
		x.mu.RUnlock()
		if backlog > opts.MaxBacklog {
			t.Fatalf("%d runs wait for a merge, at most %d may", backlog, opts.MaxBacklog)
		}
	}
}

// TestCloseDoesNotWaitForMerges: a table that waits for the backlog is sealed
// by Close, which ends the merges.
func TestCloseDoesNotWaitForMerges(t *testing.T) {
	dir := t.TempDir()
	opts := small
	merging, proceed := make(chan struct{}, 100), make(chan struct{})
	opts.fsync = func(f *os.File) error {
		if info, err := f.Stat(); err != nil || info.IsDir() || info.Size() < 2*pageBytes {
			return err
		}
		merging <- struct{}{} // only a merged run is that large
		<-proceed
		return nil
	}
	x := open(t, dir, opts)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan uint64)
	go func() {
		i := uint64(0)
		for x.Put(ctx, entry(i, 1, 0, 1)) == nil {
			i++
		}
		done <- i
	}()
	<-merging
	for x.Stats().Runs < opts.MaxBacklog || x.Stats().InMemory < 2*opts.TableEntries {
		if len(done) > 0 {
			t.Fatal("Put failed")
		}
	}
	cancel()
	n := <-done
	for i := range n { // meanwhile the sealing goroutine comes to wait
		mustFind(t, x, keyNumber(i), entry(i, 1, 0, 1))
	}
	closed := make(chan error)
	go func() { closed <- x.Close() }()
	for x.Stats().InMemory > 0 { // sealed while the merge still hangs
		mustStillRun(t, closed)
	}
	close(proceed)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	x = open(t, dir, small)
	defer closeIndex(t, x)
	for i := range n {
		mustFind(t, x, keyNumber(i), entry(i, 1, 0, 1))
	}
}

func mustStillRun(t *testing.T, closed <-chan error) {
	select {
	case err := <-closed:
		t.Fatalf("Close returned early: %v", err)
	default:
	}
}

// TestCloseGivesUpAMerge: Close doesn't wait for one, and leaves no trace of
// it.
func TestCloseGivesUpAMerge(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, Options{TableEntries: 1000, FanIn: 2, MaxRunEntries: 1 << 20})
	insert(t, x, 0, 20_000)
	closeIndex(t, x)
	names, err := runFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := readManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != len(m.Runs) {
		t.Errorf("files %v, manifest %v", names, m.Runs)
	}
	x = open(t, dir, Options{TableEntries: 1000, FanIn: 2, MaxRunEntries: 1 << 20})
	defer closeIndex(t, x)
	for i := range uint64(20_000) {
		mustFind(t, x, keyNumber(i), Entry{Key: keyNumber(i), Content: [14]byte{1, 2, 3}, Value: 1})
	}
}
