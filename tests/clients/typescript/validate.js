// Validates the document that is named.
import SwaggerParser from '@apidevtools/swagger-parser';

const { info, paths } = await SwaggerParser.validate(process.argv[2]);
console.log(`${info.title}: ${Object.keys(paths).length} paths`);
