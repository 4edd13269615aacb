//! Tables that are made of others when they are asked for.

/// Their statements, in order.
pub(super) const VIEWS: [&str; 2] = [
    "CREATE VIEW target AS
     SELECT target, domain, registered_domain(domain) AS registered_domain, count(*) AS measurements,
            min(measured_at) AS first_seen, max(measured_at) AS last_seen
     FROM measurement GROUP BY target, domain",
    // The table of networks has one name for each; probes may have several.
    "CREATE VIEW network AS
     SELECT country, probe_asn AS asn, coalesce(asn_name(probe_asn), max(network_name)) AS name,
            count(*) AS measurements, count(DISTINCT vantage) AS vantages
     FROM measurement GROUP BY country, probe_asn",
];
