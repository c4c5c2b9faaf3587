CREATE TABLE bench_fans AS SELECT row_number() OVER (ORDER BY id) AS n, id FROM users WHERE id <> (SELECT creator_id FROM contents LIMIT 1);
ALTER TABLE bench_fans ADD PRIMARY KEY (n);
CREATE TABLE bench_creator AS SELECT creator_id AS id FROM contents LIMIT 1;
