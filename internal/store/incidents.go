package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// PutIncident stores or replaces one; SerialNum is the store's for a new one, and stays.
func (s *Store) PutIncident(ctx context.Context, incident api.Incident) error {
	if incident.ID == "" {
		return autodefend.Errorf(autodefend.CodeInvalid, "the incident has no id")
	}
	body, err := json.Marshal(incident)
	if err != nil {
		return autodefend.Errorf(autodefend.CodeInvalid, "the incident can't be kept: %v", err)
	}
	return s.writer.do(ctx, "store an incident", 1, func(ctx context.Context, tx *tx) error {
		var serial int64
		err := tx.queryRow(ctx, "SELECT serial FROM incidents WHERE id = ?", text(incident.ID)).Scan(&serial)
		if errors.Is(err, sql.ErrNoRows) {
			err = tx.queryRow(ctx, nextNumbers, 1, "incident").Scan(&serial)
		}
		if err != nil {
			return err
		}
		i := &incident
		_, err = tx.exec(ctx, `INSERT INTO incidents (serial, id, time, acknowledged, category, type, account, region, function, function_id, custom_rule, app_id, profile_id, body)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET time = excluded.time, category = excluded.category, type = excluded.type,
				account = excluded.account, region = excluded.region, function = excluded.function, function_id = excluded.function_id,
				custom_rule = excluded.custom_rule, app_id = excluded.app_id, profile_id = excluded.profile_id, body = excluded.body`,
			serial, text(i.ID), i.Time.UnixMilli(), number(i.Acknowledged), text(i.Category), text(i.Type), text(i.AccountID), text(i.Region),
			text(i.Function), text(i.FunctionID), text(i.CustomRuleName), text(i.AppID), text(i.ProfileID), body)
		return err
	})
}

// Incidents returns a page, the newest first unless the page says otherwise, and how many there are.
func (s *Store) Incidents(ctx context.Context, q api.IncidentQuery) ([]api.Incident, int, error) {
	l := list{
		table: "incidents", columns: "serial, acknowledged, body", page: q.Page, order: "time DESC, serial DESC", reversed: "time, serial",
		sorts: map[string]string{
			"time": "time", "serialNum": "serial", "_id": "id", "acknowledged": "acknowledged", "category": "category", "type": "type",
			"accountID": "account", "region": "region", "function": "function", "functionID": "function_id",
			"customRuleName": "custom_rule", "appID": "app_id", "profileID": "profile_id",
		},
	}
	l.between("time", q.From, q.To)
	l.in("id", q.IDs)
	l.in("category", q.Categories)
	l.in("type", q.Types)
	l.in("region", q.Regions)
	l.in("function_id", q.FunctionIDs)
	l.in("function", q.Functions)
	l.in("custom_rule", q.CustomRules)
	l.in("app_id", q.AppIDs)
	l.in("profile_id", q.Profiles)
	l.bool("acknowledged", q.Acknowledged)
	l.search(q.Search, "category", "type", "function", "function_id", "region", "account", "custom_rule", "id")
	l.scopes(s.dialect, q.Scopes, "account", "function", "region")
	var all []api.Incident
	total, err := l.read(ctx, s, "read incidents", func(rows *sql.Rows) error {
		var i api.Incident
		var serial, acknowledged int64
		var body []byte
		if err := rows.Scan(&serial, &acknowledged, &body); err != nil {
			return err
		}
		if err := json.Unmarshal(body, &i); err != nil {
			return err
		}
		i.SerialNum, i.Acknowledged = serial, acknowledged != 0
		all = append(all, i)
		return nil
	})
	return all, total, err
}

// Acknowledge marks an incident, and stores the management audit in the same transaction; audit may be nil.
func (s *Store) Acknowledge(ctx context.Context, id string, acknowledged bool, audit *api.MgmtAudit) error {
	return s.writer.do(ctx, "acknowledge an incident", 1, func(ctx context.Context, tx *tx) error {
		n, err := tx.exec(ctx, "UPDATE incidents SET acknowledged = ? WHERE id = ?", number(acknowledged), text(id))
		if err != nil {
			return err
		}
		if n == 0 {
			return autodefend.Errorf(autodefend.CodeNotFound, "there is no incident %q", id)
		}
		if audit == nil {
			return nil
		}
		return addMgmt(ctx, tx, *audit)
	})
}

// incidentsAtOnce is how many incidents are removed at once: few, so that what is stored meanwhile doesn't wait.
const incidentsAtOnce = 1000

// ExpireIncidents removes incidents of before a time, acknowledged or not, the oldest first and at most 1,000 at once, and
// returns how many it removed.
func (s *Store) ExpireIncidents(ctx context.Context, before time.Time) (int, error) {
	return write(ctx, s.writer, "remove old incidents", 1, func(ctx context.Context, tx *tx) (int, error) {
		n, err := tx.exec(ctx, "DELETE FROM incidents WHERE serial IN (SELECT serial FROM incidents WHERE time < ? ORDER BY time LIMIT ?)",
			before.UnixMilli(), incidentsAtOnce)
		return int(n), err
	})
}
