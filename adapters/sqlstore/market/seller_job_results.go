package market

import (
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
)

// AddReport implements market.SellerJobRepository. The lines of a report are much alike, so it is stored compressed.
func (r sellerJobs) AddReport(ctx context.Context, sellerID, jobID string, p market.JobReport) error {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err == nil {
		for _, line := range p.Lines {
			if _, err = fmt.Fprintf(w, "%d %s\n", line.Line, line.Told); err != nil {
				break
			}
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return r.t.Refuse(fmt.Errorf("write the report of job %s: %w", jobID, err))
	}
	_, err = r.t.Exec(ctx, "INSERT INTO seller_job_results (seller_id, job_id, number, line, told, content) VALUES (?, ?, ?, ?, ?, ?)",
		sellerID, jobID, p.Number, p.Lines[0].Line, int64(len(p.Lines)), b.Bytes())
	return err
}

// DeleteReports implements market.SellerJobRepository.
func (r sellerJobs) DeleteReports(ctx context.Context, sellerID, jobID string, limit int) (int, error) {
	return r.deleteParts(ctx, "seller_job_results", sellerID, jobID, limit)
}

// DeletePieces implements market.SellerJobRepository.
func (r sellerJobs) DeletePieces(ctx context.Context, sellerID, jobID string, limit int) (int, error) {
	return r.deleteParts(ctx, "seller_job_pieces", sellerID, jobID, limit)
}

func (r sellerJobs) deleteParts(ctx context.Context, table, sellerID, jobID string, limit int) (int, error) {
	var numbers []int64
	if err := r.t.All(ctx, &numbers, "SELECT number FROM "+table+" WHERE seller_id = ? AND job_id = ? ORDER BY number LIMIT ?", sellerID, jobID, int64(limit)); err != nil || len(numbers) == 0 {
		return 0, err
	}
	deleted := 0
	for some := range slices.Chunk(numbers, engine.MaxParams/2) {
		n, err := r.t.Exec(ctx, r.t.DeleteByKey(table, "PRIMARY")+" WHERE seller_id = ? AND job_id = ? AND number IN ("+engine.Marks(len(some))+")",
			append([]any{sellerID, jobID}, engine.Anys(some)...)...)
		if err != nil {
			return deleted, err
		}
		deleted += int(n)
	}
	return deleted, nil
}

// reportsAtOnce is how many parts of a report are read with one statement.
const reportsAtOnce = 4

// LeadImportByID answers marketquery.LeadImportByID: market.ErrJobNotFound.
func (r *Reader) LeadImportByID(ctx context.Context, q marketquery.LeadImportByID) (out marketquery.LeadImport, err error) {
	if out.SellerJob, err = r.SellerJobByID(ctx, marketquery.SellerJobByID{Actor: q.Actor, ID: q.ID}); err != nil {
		return out, err
	}
	if key, ours := market.KeyOfImport(out.SellerJob); !ours || key != q.KeyID {
		return marketquery.LeadImport{}, market.ErrJobNotFound
	}
	// The part in which the first line is begins at it or before it.
	var first int64
	if _, err := r.db.Get(ctx, &first, "SELECT COALESCE(MAX(number), 0) FROM seller_job_results WHERE seller_id = ? AND job_id = ? AND line <= ?", q.SellerID, q.ID, q.After+1); err != nil {
		return out, err
	}
	for {
		var rows []struct {
			Number  int64  `db:"number"`
			Content []byte `db:"content"`
		}
		if err := r.db.All(ctx, &rows, "SELECT number, content FROM seller_job_results WHERE seller_id = ? AND job_id = ? AND number >= ? ORDER BY number LIMIT ?",
			q.SellerID, q.ID, first, int64(reportsAtOnce)); err != nil {
			return out, err
		}
		for _, row := range rows {
			lines, err := toldLines(row.Content)
			if err != nil {
				return out, fmt.Errorf("read the report of job %s: %w", q.ID, err)
			}
			for _, line := range lines {
				switch {
				case line.Line <= q.After:
				case len(out.Lines) == q.Limit:
					out.More = true
					return out, nil
				default:
					out.Lines = append(out.Lines, line)
				}
			}
			first = row.Number + 1
		}
		if len(rows) < reportsAtOnce {
			return out, nil
		}
	}
}

func toldLines(content []byte) (lines []market.ToldLine, err error) {
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(content)))
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(text) {
		number, told, found := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
		var l market.ToldLine
		if _, err := fmt.Sscan(string(number), &l.Line); err != nil || !found {
			return nil, fmt.Errorf("a line of it has no number: %w", err)
		}
		l.Told = told
		lines = append(lines, l)
	}
	return lines, nil
}

// UnfinishedImports implements market.SellerJobReader.
func (r *Reader) UnfinishedImports(ctx context.Context, sellerID, keyID string) (n int, err error) {
	var rows []sellerJobRow
	if err := r.db.All(ctx, &rows, "SELECT "+sellerJobColumns+" FROM seller_jobs WHERE state IN (?, ?, ?) AND seller_id = ? AND kind = ?",
		string(market.JobUploading), string(market.JobPending), string(market.JobRunning), sellerID, string(market.SellerJobLeads)); err != nil {
		return 0, err
	}
	for _, row := range rows {
		j, err := row.job()
		if err != nil {
			return 0, err
		}
		if key, _ := market.KeyOfImport(j); key == keyID {
			n++
		}
	}
	return n, nil
}
