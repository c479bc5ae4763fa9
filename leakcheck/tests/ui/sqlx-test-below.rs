use leakcheck::leak_test;

struct PgPool;

#[leak_test]
#[sqlx::test]
async fn it(pool: PgPool) {
    drop(pool);
}

fn main() {}
