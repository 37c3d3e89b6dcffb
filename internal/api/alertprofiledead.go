package api

import (
	"encoding/json"
	"time"
)

// DeadAlert is an alert of one audit that couldn't be delivered.
type DeadAlert struct {
	ID      string `json:"id"`
	Profile string `json:"profile"`
	// Channel names the way within the profile, such as "webhook" or "slack:#security".
	Channel   string     `json:"channel"`
	Kind      AlertKind  `json:"kind"`
	Created   time.Time  `json:"created"`
	Attempts  int        `json:"attempts"`
	LastError string     `json:"lastError"`
	Audit     AlertAudit `json:"audit"`
}

// AlertTest is what came of sending a sample by one channel of a profile. Error is "" when it arrived.
type AlertTest struct {
	Channel string `json:"channel"`
	Error   string `json:"error"`
}

// AlertEntry is the body of a [Delivery]: one audit for one channel of a profile.
type AlertEntry struct {
	Channel string     `json:"channel"`
	Kind    AlertKind  `json:"kind"`
	Audit   AlertAudit `json:"audit"`
}

// KindAlertState holds how far alerting came and what became of it: "position/STREAM" and "status/PROFILE".
const KindAlertState Kind = "alertState"

// DecodeAlertEntry reads the body of a [Delivery].
func DecodeAlertEntry(body []byte) (AlertEntry, error) {
	var e AlertEntry
	err := json.Unmarshal(body, &e)
	return e, err
}
