-- Indexes for PostgreSQL only.
SELECT 1;
