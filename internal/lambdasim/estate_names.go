package lambdasim

// domain is a part of the demo company's business with its functions.
type domain struct {
	place place
	name  string
	jobs  []string
}

// domains returns the everyday functions of the demo estate.
func domains() []domain {
	us, eu, staging := demoPlaces()[0], demoPlaces()[1], demoPlaces()[2]
	return []domain{
		{us, "checkout", []string{"api", "payment-callback", "cart-cleanup", "receipt-mailer", "fraud-check"}},
		{us, "invoice", []string{"renderer", "api", "reminder", "archiver", "tax-lookup"}},
		{us, "catalog", []string{"search", "indexer", "image-resizer", "price-sync", "import"}},
		{us, "customer", []string{"profile-api", "gdpr-export", "merge-worker", "avatar-resizer", "segment-sync"}},
		{us, "order", []string{"events", "status-api", "split-worker", "export", "sla-watch"}},
		{us, "inventory", []string{"sync", "reservation-api", "low-stock-alert", "snapshot", "supplier-feed"}},
		{us, "auth", []string{"login-hook", "token-refresh", "password-reset", "mfa-sender", "session-sweeper"}},
		{us, "notification", []string{"email-sender", "sms-sender", "push-sender", "digest", "bounce-handler"}},
		{us, "analytics", []string{"ingest", "sessionizer", "rollup", "export", "funnel-api"}},
		{eu, "shipping", []string{"rates-api", "label-printer", "tracking-webhook", "carrier-sync", "customs-docs"}},
		{eu, "finance", []string{"ledger-writer", "payout-batch", "fx-rates", "reconciliation", "bank-import"}},
		{eu, "media", []string{"transcode-start", "thumbnailer", "upload-signer", "exif-stripper", "cdn-purge"}},
		{eu, "support", []string{"ticket-router", "chat-webhook", "csat-survey", "sla-timer", "macro-api"}},
		{eu, "pricing", []string{"rules-api", "promo-engine", "competitor-feed", "margin-guard", "publish"}},
		{eu, "platform", []string{"health-check", "config-api", "feature-flags", "audit-writer", "cost-report"}},
		{staging, "checkout", []string{"api", "payment-callback", "cart-cleanup", "receipt-mailer", "fraud-check"}},
		{staging, "loyalty", []string{"points-api", "tier-nightly", "partner-sync", "reward-mailer", "statement"}},
	}
}
