use leakcheck::leak_test;

#[leak_test]
mod tests {
    #[tokio::test]
    async fn it() {}
}

fn main() {}
