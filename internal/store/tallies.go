package store

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
)

// partBits says how many neighbouring keys share a row: their counts are read and written together.
const partBits = 11

// tallyPart names a row of counts.
type tallyPart struct{ tier, bucket, part int64 }

// tallyRow is a row of counts as it's stored.
type tallyRow struct {
	tallyPart
	counts []byte
}

// keyCount is how many audits a key has.
type keyCount struct{ key, n int64 }

var errTally = errors.New("a row of counts isn't whole")

// eachPacked calls yield for the counts of a row, in the order of their keys.
func eachPacked(part int64, packed []byte, yield func(key, n int64)) error {
	key, end := part<<partBits, (part+1)<<partBits
	for len(packed) > 0 {
		gap, a := binary.Uvarint(packed)
		if a <= 0 || gap >= 1<<partBits {
			return errTally
		}
		n, b := binary.Uvarint(packed[a:])
		if key += int64(gap); b <= 0 || n == 0 || n > math.MaxInt64 || key >= end {
			return errTally
		}
		yield(key, int64(n))
		packed = packed[a+b:]
	}
	return nil
}

// pack is the opposite of eachPacked. Counts of nothing are left out.
func pack(part int64, counts []keyCount) []byte {
	packed := make([]byte, 0, 4*len(counts))
	last := part << partBits
	for _, c := range counts {
		if c.n > 0 {
			packed = binary.AppendUvarint(packed, uint64(c.key-last)) //nolint:gosec // the keys are in order
			packed = binary.AppendUvarint(packed, uint64(c.n))
			last = c.key
		}
	}
	return packed
}

// merged adds counts, in the order of their keys, to a row.
func merged(part int64, packed []byte, added []counted) ([]byte, error) {
	sums := make([]keyCount, 0, len(added)+len(packed)/2)
	err := eachPacked(part, packed, func(key, n int64) {
		for ; len(added) > 0 && added[0].key < key; added = added[1:] {
			sums = append(sums, keyCount{added[0].key, added[0].n})
		}
		if len(added) > 0 && added[0].key == key {
			n += added[0].n
			added = added[1:]
		}
		sums = append(sums, keyCount{key, n})
	})
	for _, c := range added {
		sums = append(sums, keyCount{c.key, c.n})
	}
	return pack(part, sums), err
}

// addCounts adds to the tables of counts what [counts.sorted] returns.
func (s *Store) addCounts(ctx context.Context, tx *tx, all []counted) error {
	var parts []tallyPart
	var added [][]counted
	for i, c := range all {
		p := tallyPart{c.tier, c.bucket, c.key >> partBits}
		if i == 0 || p != parts[len(parts)-1] {
			parts, added = append(parts, p), append(added, nil)
		}
		added[len(added)-1] = append(added[len(added)-1], c)
	}
	stored, err := s.dialect.readTallies(ctx, tx, parts)
	if err != nil {
		return err
	}
	rows := make([]tallyRow, len(parts))
	for i, p := range parts {
		counts, err := merged(p.part, stored[p], added[i])
		if err != nil {
			return damaged("its counts can't be read", err)
		}
		rows[i] = tallyRow{p, counts}
	}
	return s.dialect.writeTallies(ctx, tx, rows)
}
