package market

const (
	_ = "SELECT l.id AS id, IFNULL((SELECT COUNT(*) FROM sales), 0) AS want, s.id AS got FROM leads l JOIN sales s ON s.lead_id = l.id"
	_ = "SELECT l.id AS id, s.id AS got FROM leads l LEFT JOIN sales s ON s.lead_id = l.id"
	_ = "SELECT l.id AS id, IFNULL(s.id, 'none') AS got FROM leads l LEFT JOIN sales s ON s.lead_id = l.id" // want audited-joins
	_ = "SELECT COALESCE(MAX(id), 0) FROM leads"                                                            // want audited-joins
)
