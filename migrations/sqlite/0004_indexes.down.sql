-- Back to version 3.
DROP INDEX contents_price_cents;
DROP INDEX users_email;
CREATE UNIQUE INDEX users_email ON users (email);
