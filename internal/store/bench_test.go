package store

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/store/pgtest"
	"github.com/jackc/pgx/v5"
)

var (
	long     = flag.Bool("long", false, "measure pages over a large table")
	longRows = flag.Int("rows", 10_000_000, "how many audits the large table has, with -long")
	longFile = flag.String("database", "", "a file that keeps the large table for the next time, with -long")
)

// rawAudits is the table without anything of ours: what the driver can do at best.
const rawAudits = `CREATE TABLE raw (seq %s PRIMARY KEY, stream bigint NOT NULL, series bigint NOT NULL, time bigint NOT NULL, received bigint NOT NULL,
	request bigint NOT NULL, count bigint NOT NULL, id text NOT NULL, request_id text NOT NULL, msg text NOT NULL, body %s NOT NULL);
	CREATE UNIQUE INDEX raw_id ON raw (id, stream); CREATE INDEX raw_time ON raw (stream, time, seq, series); CREATE INDEX raw_series ON raw (series, time);
	CREATE INDEX raw_request ON raw (request) WHERE request <> 0`

// made are audits in batches, made before the clock runs.
func made(e *estate, batches, size, total int) [][]api.AuditRecord {
	all := make([][]api.AuditRecord, batches)
	for i := range all {
		all[i] = make([]api.AuditRecord, size)
		for k := range all[i] {
			all[i][k] = e.audit(total)
		}
	}
	return all
}

// rawSQLite inserts batches by the driver alone, one transaction each, and returns rows per second. The first ones are
// there before the clock runs.
func rawSQLite(b *testing.B, first, batches [][]api.AuditRecord) float64 {
	d := sqlite{path: filepath.Join(b.TempDir(), "raw.db"), readers: 1}
	db, err := d.open(writing)
	must(b, err)
	defer db.Close()
	_, err = db.Exec(fmt.Sprintf(rawAudits, "INTEGER", "BLOB"))
	must(b, err)
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	must(b, err)
	defer conn.Close()
	series := seriesNumbers()
	stmt, err := conn.PrepareContext(ctx, "INSERT INTO raw VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
	must(b, err)
	rows := 0
	store := func(batches [][]api.AuditRecord) {
		for _, batch := range batches {
			_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
			must(b, err)
			for i := range batch {
				a := &batch[i]
				rows++
				_, err := stmt.ExecContext(ctx, rows, 1, series(a), a.Time.UnixMilli(), a.Received.UnixMilli(), requestSum(a.RequestID), a.Count, a.ID, a.RequestID, a.Msg, a.Body)
				must(b, err)
			}
			_, err = conn.ExecContext(ctx, "COMMIT")
			must(b, err)
		}
	}
	return rate(store, first, batches)
}

// rate is how many rows per second are stored after the first.
func rate(store func(batches [][]api.AuditRecord), first, batches [][]api.AuditRecord) float64 {
	store(first)
	begin := time.Now()
	store(batches)
	return float64(len(slices.Concat(batches...))) / time.Since(begin).Seconds()
}

// seriesNumbers numbers what the audits of a series share, as the store does.
func seriesNumbers() func(a *api.AuditRecord) int64 {
	numbers := make(map[[2]string]int64)
	return func(a *api.AuditRecord) int64 {
		key := [2]string{a.Function, a.Rule}
		if numbers[key] == 0 {
			numbers[key] = int64(len(numbers) + 1)
		}
		return numbers[key]
	}
}

// rawCopy inserts batches by COPY and returns rows per second. The first ones are there before the clock runs.
func rawCopy(b *testing.B, first, batches [][]api.AuditRecord) float64 {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, pgtest.Start(b))
	must(b, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, fmt.Sprintf(rawAudits, "bigint", "bytea"))
	must(b, err)
	rows, series := 0, seriesNumbers()
	columns := []string{"seq", "stream", "series", "time", "received", "request", "count", "id", "request_id", "msg", "body"}
	store := func(batches [][]api.AuditRecord) {
		for _, batch := range batches {
			_, err := conn.CopyFrom(ctx, pgx.Identifier{"raw"}, columns, pgx.CopyFromSlice(len(batch), func(i int) ([]any, error) {
				a := &batch[i]
				rows++
				return []any{int64(rows), int64(1), series(a), a.Time.UnixMilli(), a.Received.UnixMilli(), requestSum(a.RequestID), int64(a.Count), a.ID, a.RequestID, a.Msg, a.Body}, nil
			}))
			must(b, err)
		}
	}
	return rate(store, first, batches)
}

// through stores batches by so many callers at once and returns audits per second.
func through(b *testing.B, s *Store, batches [][]api.AuditRecord, callers int) float64 {
	var next atomic.Int64
	var wg sync.WaitGroup
	begin, rows := time.Now(), 0
	for _, batch := range batches {
		rows += len(batch)
	}
	for range callers {
		wg.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(batches); i = next.Add(1) - 1 {
				if _, err := s.AppendAudits(context.Background(), batches[i]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(rows) / time.Since(begin).Seconds()
}

// earlier are audits that are stored before the clock runs: a Console that has run for a while knows what the functions do.
func earlier() [][]api.AuditRecord {
	e := newEstate(8, 2000, time.Hour)
	batches := made(e, 15, 2000, 30_000)
	for i := range 20_000 {
		e.describe(&batches[i/2000][i%2000], i%e.functions, i/e.functions)
	}
	return batches
}

// ingestShapes are how audits come: from one Defender's batch to many callers at once.
func ingestShapes() []struct {
	name                   string
	batches, size, callers int
} {
	return []struct {
		name                   string
		batches, size, callers int
	}{
		{"50x16", 400, 50, 16},
		{"1x64", 10_000, 1, 64},
		{"1000x4", 40, 1000, 4},
	}
}

// BenchmarkIngestSQLite compares with the driver inserting the same in transactions of as many rows as callers wait with.
func BenchmarkIngestSQLite(b *testing.B) {
	benchmarkIngest(b, rawSQLite, func() *Store { return openSQLite(b, Config{}) })
}

// BenchmarkIngestPostgres compares with COPY of the same in as many rows as callers wait with.
func BenchmarkIngestPostgres(b *testing.B) {
	benchmarkIngest(b, rawCopy, func() *Store { return open(b, Config{Address: pgtest.Start(b)}) })
}

// benchmarkIngest takes turns, as machines have better and worse seconds, and reports medians.
func benchmarkIngest(b *testing.B, raw func(b *testing.B, first, batches [][]api.AuditRecord) float64, open func() *Store) {
	for _, shape := range ingestShapes() {
		b.Run(shape.name, func(b *testing.B) {
			var ours, raws, ratios []float64
			for b.Loop() {
				first, e := earlier(), newEstate(7, 2000, time.Hour)
				batches := made(e, shape.batches, shape.size, shape.batches*shape.size)
				raws = append(raws, raw(b, first, slices.Collect(slices.Chunk(slices.Concat(batches...), shape.size*shape.callers))))
				s := open()
				through(b, s, first, 1)
				ours = append(ours, through(b, s, batches, shape.callers))
				must(b, s.Close())
				ratios = append(ratios, ours[len(ours)-1]/raws[len(raws)-1])
			}
			b.ReportMetric(median(ours), "audits/s")
			b.ReportMetric(median(raws), "raw/s")
			b.ReportMetric(median(ratios), "ratio")
		})
	}
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// BenchmarkPages measures pages, counts and slices over a large table of 30 days, with -long.
func BenchmarkPages(b *testing.B) {
	if !*long {
		b.Skip("SKIPPED: -args -long makes a table of -rows audits first")
	}
	now := func() time.Time { return start.Add(30 * 24 * time.Hour) }
	s := openSQLite(b, Config{Now: now})
	if *longFile != "" {
		must(b, s.Close())
		s = open(b, Config{Address: *longFile, Now: now})
	}
	sample := fill(b, s, newEstate(7, 2000, 30*24*time.Hour), *longRows)
	for _, p := range questions() {
		b.Run(p.name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			var took []time.Duration
			for b.Loop() {
				q := p.query(sample[r.IntN(len(sample))])
				q.Stream = api.StreamRuntime
				begin := time.Now()
				must(b, p.ask(s, q))
				took = append(took, time.Since(begin))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		})
	}
}

// fill stores audits, those that aren't there yet, and returns some of them.
func fill(b *testing.B, s *Store, e *estate, total int) []api.AuditRecord {
	var sample []api.AuditRecord
	count, err := s.CountAudits(context.Background(), api.AuditQuery{Stream: api.StreamRuntime})
	must(b, err)
	begin := time.Now()
	for n := 0; n < total; n += 4000 {
		batch := make([]api.AuditRecord, min(4000, total-n))
		for i := range batch {
			batch[i] = e.audit(total)
		}
		if n+len(batch) > count.Total {
			_, err := s.AppendAudits(context.Background(), batch)
			must(b, err)
		}
		sample = append(sample, batch[e.r.IntN(len(batch))])
	}
	size, err := s.Size(context.Background())
	must(b, err)
	b.Logf("%d audits in %v, %d MiB", total, time.Since(begin).Round(time.Second), size>>20)
	return sample
}

// question is what a user of the audits asks.
type question struct {
	name  string
	query func(a api.AuditRecord) api.AuditQuery
	ask   func(s *Store, q api.AuditQuery) error
}

func questions() []question {
	page := func(s *Store, q api.AuditQuery) error {
		q.Page.Limit = 50
		_, err := s.Audits(context.Background(), q)
		return err
	}
	slice := func(s *Store, q api.AuditQuery) error {
		_, err := s.Timeslice(context.Background(), q, 100)
		return err
	}
	tally := func(column string) func(s *Store, q api.AuditQuery) error {
		return func(s *Store, q api.AuditQuery) error {
			_, err := s.Tally(context.Background(), q, column, 10)
			return err
		}
	}
	overview := func(s *Store, q api.AuditQuery) error { // as the Console's own
		for _, column := range []string{"type", "effect", "function", "region", "account", "rule"} {
			if err := tally(column)(s, q); err != nil {
				return err
			}
		}
		return nil
	}
	count := func(s *Store, q api.AuditQuery) error {
		_, err := s.CountAudits(context.Background(), q)
		return err
	}
	all := func(api.AuditRecord) api.AuditQuery { return api.AuditQuery{} }
	day := func(api.AuditRecord) api.AuditQuery {
		return api.AuditQuery{From: start.Add(29 * 24 * time.Hour), To: start.Add(30*24*time.Hour - time.Hour)}
	}
	week := func(a api.AuditRecord) api.AuditQuery {
		return api.AuditQuery{From: start.Add(20*24*time.Hour + 17*time.Minute), To: start.Add(27*24*time.Hour + 3*time.Minute)}
	}
	return []question{
		{"page/latest", all, page},
		{"page/function", func(a api.AuditRecord) api.AuditQuery { return api.AuditQuery{Functions: []string{a.Function}} }, page},
		{"page/function+effect+type", func(a api.AuditRecord) api.AuditQuery {
			return api.AuditQuery{Functions: []string{a.Function}, Effects: []string{a.Effect}, Types: []string{"network"}}
		}, page},
		{"page/rule", func(a api.AuditRecord) api.AuditQuery { return api.AuditQuery{Rules: []string{a.Rule}} }, page},
		{"page/type+effect+region,7d", func(a api.AuditRecord) api.AuditQuery {
			q := week(a)
			q.Types, q.Effects, q.Regions = []string{a.Type}, []string{a.Effect}, []string{a.Region}
			return q
		}, page},
		{"page/account+rule,7d", func(a api.AuditRecord) api.AuditQuery {
			q := week(a)
			q.Accounts, q.Rules = []string{a.Account}, []string{"rule 3"}
			return q
		}, page},
		{"page/scope", func(a api.AuditRecord) api.AuditQuery {
			return api.AuditQuery{Scopes: []api.FunctionScope{{Functions: []string{a.Function[:6] + "*", "-*7"}}}}
		}, page},
		{"page/to,oldest", func(a api.AuditRecord) api.AuditQuery {
			return api.AuditQuery{To: a.Time, Severities: []string{"high"}, Page: api.Page{Reverse: true}}
		}, page},
		{"page/byRule", func(a api.AuditRecord) api.AuditQuery {
			return api.AuditQuery{From: a.Time, Page: api.Page{Sort: "rule"}}
		}, page},
		{"page/request", func(a api.AuditRecord) api.AuditQuery { return api.AuditQuery{RequestIDs: []string{a.RequestID}} }, page},
		{"page/id", func(a api.AuditRecord) api.AuditQuery { return api.AuditQuery{IDs: []string{a.ID}} }, page},
		{"page/text,found", func(a api.AuditRecord) api.AuditQuery { return api.AuditQuery{Search: "example7."} }, page},
		{"page/text,none", func(a api.AuditRecord) api.AuditQuery { return api.AuditQuery{Search: "xmrig"} }, page},
		{"page/offset10000", func(a api.AuditRecord) api.AuditQuery { return api.AuditQuery{Page: api.Page{Offset: 10_000}} }, page},
		{"slice/30d", all, slice},
		{"slice/7d", week, slice},
		{"slice/24h", day, slice},
		{"slice/rule,30d", func(a api.AuditRecord) api.AuditQuery { return api.AuditQuery{Rules: []string{a.Rule}} }, slice},
		{"slice/function,7d", func(a api.AuditRecord) api.AuditQuery { q := week(a); q.Functions = []string{a.Function}; return q }, slice},
		{"tally/type,30d", all, tally("type")},
		{"tally/rule,7d", week, tally("rule")},
		{"tally/function,30d", all, tally("function")},
		{"tally/function,7d", week, tally("function")},
		{"overview/7d", week, overview},
		{"count/all", all, count},
		{"count/rule,7d", func(a api.AuditRecord) api.AuditQuery { q := week(a); q.Rules = []string{a.Rule}; return q }, count},
		{"count/function+type", func(a api.AuditRecord) api.AuditQuery {
			return api.AuditQuery{Functions: []string{a.Function}, Types: []string{a.Type}}
		}, count},
	}
}
